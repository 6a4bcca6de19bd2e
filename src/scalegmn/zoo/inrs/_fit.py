"""Fitting many sine networks at once, each to its own image, by a gradient that is written by hand.

A sine layer needs ``sin`` in the forward and ``cos`` in the backward pass, and the two cost more than all
matrix products.  Computing them from one angle in buffers that are kept, with the frequency moved onto
the small weights and no graph for automatic differentiation, is what makes this faster than autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture
from scalegmn.zoo.inrs._grid import GridLayer, PlainLayer, SineLayer
from scalegmn.zoo.inrs._recipe import InrRecipe

_BETA1: Final = 0.9
_BETA2: Final = 0.999
_EPSILON: Final = 1e-8
# From this size on it pays to take the sines of the first layer by rows and columns.
_SEPARABLE: Final = 16
# Steps between two reports of progress.
_REPORT: Final = 10


@final
class SirenFit:
    """B networks, their images, and the state of their optimizers.

    Networks do not influence each other: every one has its own loss, the mean over its pixels and
    channels, and its own Adam moments.  All state lies on the device of `theta`.

    Args:
        recipe: of the fit.
        height: rows of the images.
        width: columns of the images.
        theta: parameters at the start, ``(B, P)``; not changed.
        targets: images ``(B, channels, height * width)`` with values in [0, 1].
    """

    def __init__(self, *, recipe: InrRecipe, height: int, width: int, theta: Tensor, targets: Tensor) -> None:
        theta, channels = theta.detach(), targets.shape[1]
        self.recipe = recipe
        self.architecture: LayeredArchitecture = recipe.architecture(channels)
        self._targets = targets - recipe.shift
        self._steps = 0
        count, size = len(theta), (height, width)
        widths = (2, *recipe.hidden, channels)
        self._shapes = [(count, out, fan_in) for fan_in, out in pairwise(widths)]
        # Layer after layer, the weights of all networks and then their biases: products read and write
        # them where they lie, and Adam runs over a single vector.
        self._flat = torch.empty_like(theta).view(-1)
        self._gradient, self._mean, self._square = (torch.zeros_like(self._flat) for _ in range(3))
        state = self.architecture.unflatten(theta).values()
        for own, given in zip(_parameters(self._layers(self._flat)), state, strict=True):
            own.view(given.shape).copy_(given)
        # The hidden layers act with the frequency multiplied in.
        self._factor, self._acting = torch.ones_like(self._flat), torch.empty_like(self._flat)
        for part in _parameters(self._layers(self._factor)[:-1]):
            part.fill_(recipe.frequency)
        self._actors, self._gradients = self._layers(self._acting), self._layers(self._gradient)
        # The fewer buffers, the more of them stay in the cache: what comes back to a layer is written over
        # its values, which nobody needs by then.
        self._values = [theta.new_empty(count, out, height * width) for out in recipe.hidden]
        self._transposed = [values.mT for values in self._values]
        self._cosines = [theta.new_empty(count, out, height * width) for out in recipe.hidden[1:]]
        self._residual = theta.new_empty(count, channels, height * width)
        kind = GridLayer if min(size) >= _SEPARABLE else PlainLayer
        self._first = kind(
            size=size,
            order=recipe.order,
            layer=self._actors[0],
            gradient=self._gradients[0],
            values=self._values[0],
        )

    def _layers(self, flat: Tensor) -> list[SineLayer]:
        """Views of a vector in the order of the parameters here."""
        sizes = [count * out * size for count, out, fan_in in self._shapes for size in (fan_in, 1)]
        parts = flat.split(sizes)
        return [
            SineLayer(weight.view(shape), weight.view(shape).mT, bias.view(*shape[:2], 1))
            for weight, bias, shape in zip(parts[::2], parts[1::2], self._shapes, strict=True)
        ]

    def _rows(self, flat: Tensor) -> Tensor:
        """The same numbers network by network, ``(B, P)``, in the order of the architecture."""
        return torch.cat([part.flatten(1) for part in _parameters(self._layers(flat))], dim=1)

    @property
    def theta(self) -> Tensor:
        """The parameters now, ``(B, P)``."""
        return self._rows(self._flat)

    @torch.no_grad()
    def mse(self) -> Tensor:
        """Mean squared error of every network at the parameters now, ``(B,)``."""
        self._forward()
        return self._residual.square().mean(dim=(1, 2))

    @torch.no_grad()
    def gradient(self) -> Tensor:
        """Derivative of every network's mean squared error by its parameters, ``(B, P)``."""
        self._forward()
        self._backward()
        return self._rows(self._gradient)

    @torch.no_grad()
    def step(self) -> None:
        """One step of Adam for every network."""
        self._forward()
        self._backward()
        self._steps += 1
        self._mean.lerp_(self._gradient, 1 - _BETA1)
        self._square.mul_(_BETA2).addcmul_(self._gradient, self._gradient, value=1 - _BETA2)
        correction = (1 - _BETA2**self._steps) ** 0.5
        rate = self.recipe.learning_rate * correction / (1 - _BETA1**self._steps)
        # From here on the place of the gradient is free.
        scale = torch.sqrt(self._square, out=self._gradient).add_(_EPSILON * correction)
        self._flat.addcdiv_(self._mean, scale, value=-rate)

    def run(self, report: Callable[[int], None]) -> None:
        """All steps of the recipe; `report` is told now and then how many were taken since, and may raise."""
        for start in range(0, self.recipe.steps, _REPORT):
            count = min(_REPORT, self.recipe.steps - start)
            for _ in range(count):
                self.step()
            report(count)

    def _forward(self) -> None:
        """Fill values, cosines and the residual."""
        torch.mul(self._flat, self._factor, out=self._acting)
        self._first.sines()
        below = self._values[0]
        for layer, angle, values in zip(self._actors[1:-1], self._cosines, self._values[1:], strict=True):
            torch.baddbmm(layer.bias, layer.weight, below, out=angle)
            below = torch.sin(angle, out=values)
            angle.cos_()
        last = self._actors[-1]
        torch.baddbmm(last.bias, last.weight, below, out=self._residual).sub_(self._targets)

    def _backward(self) -> None:
        """Fill the gradient from what :meth:`_forward` filled, which is used up."""
        delta = self._residual.mul_(2 / self._targets[0].numel())
        for number in range(len(self._values), 0, -1):
            gradient, below = self._gradients[number], self._values[number - 1]
            torch.bmm(delta, self._transposed[number - 1], out=gradient.weight)
            torch.sum(delta, dim=2, keepdim=True, out=gradient.bias)
            # A product of a column and a row is no matter for the routines of matrix products.
            product = torch.mul if delta.shape[1] == 1 else torch.bmm
            delta = product(self._actors[number].transposed, delta, out=below)
            if number > 1:
                delta.mul_(self._cosines[number - 2])
        self._first.backward()
        self._gradient.mul_(self._factor)


def _parameters(layers: Iterable[SineLayer]) -> Iterator[Tensor]:
    for layer in layers:
        yield from (layer.weight, layer.bias)
