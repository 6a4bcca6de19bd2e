"""Fitting many sine networks at once, each to its own image, by a gradient that is written by hand.

A sine layer needs ``sin`` in the forward and ``cos`` in the backward pass, and the two cost more than all
matrix products.  Computing them from one angle in buffers that are kept, with the frequency moved onto
the small weights and no graph for automatic differentiation, is what makes this faster than autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks.architecture import Architecture
from scalegmn.populations.makers.coordinates import image_coordinates
from scalegmn.populations.makers.recipes import InrRecipe

_BETA1: Final = 0.9
_BETA2: Final = 0.999
_EPSILON: Final = 1e-8
# From this size on it pays to take the sines of the first layer per row and per column (see _first).
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
        self.architecture: Architecture = recipe.architecture(channels)
        self._targets = targets - recipe.shift
        self._steps = 0
        self._size = (height, width)
        self._separable = min(height, width) >= _SEPARABLE
        count, pixels = len(theta), height * width
        widths = (2, *recipe.hidden, channels)
        self._shapes = [(count, out, fan_in + 1) for fan_in, out in pairwise(widths)]
        # Layer after layer, each (B, out, in + 1) with the bias as last column: products then give a
        # layer and its bias in one go, and Adam runs over a single vector.
        self._flat = torch.empty_like(theta).view(-1)
        self._gradient, self._mean, self._square = (torch.zeros_like(self._flat) for _ in range(3))
        self._layers, self._gradients = self._views(self._flat), self._views(self._gradient)
        self._load(theta)
        ones = theta.new_ones(1, pixels)
        points = image_coordinates(height, width, recipe.order).to(theta).mT
        self._points = torch.cat([points, ones])
        # Values of layer l with a last row of ones, for the bias of the next layer.
        self._values = [theta.new_ones(count, out + 1, pixels) for out in recipe.hidden]
        self._cosines = [theta.new_empty(count, out, pixels) for out in recipe.hidden]
        self._deltas = [theta.new_empty(count, out, pixels) for out in recipe.hidden]
        self._residual = theta.new_empty(count, channels, pixels)

    def _views(self, flat: Tensor) -> list[Tensor]:
        sizes = [count * out * wide for count, out, wide in self._shapes]
        return [part.view(shape) for part, shape in zip(flat.split(sizes), self._shapes, strict=True)]

    def _load(self, theta: Tensor) -> None:
        state = self.architecture.unflatten(theta)
        for stage, layer in zip(self.architecture.stages, self._layers, strict=True):
            layer[..., :-1] = state[f"{stage.weighted.name}.weight"]
            layer[..., -1] = state[f"{stage.weighted.name}.bias"]

    @property
    def theta(self) -> Tensor:
        """The parameters now, ``(B, P)``."""
        return self._flattened(self._layers)

    @staticmethod
    def _flattened(layers: list[Tensor]) -> Tensor:
        return torch.cat(
            [part.flatten(1) for layer in layers for part in (layer[..., :-1], layer[..., -1])], dim=1
        )

    @torch.no_grad()
    def mse(self) -> Tensor:
        """Mean squared error of every network at the parameters now, ``(B,)``."""
        self._forward()
        return self._residual.square().mean(dim=(1, 2))

    @torch.no_grad()
    def gradient(self) -> Tensor:
        """Derivative of every network's mean squared error by its parameters, ``(B, P)``."""
        self._backward(self._forward())
        return self._flattened(self._gradients)

    @torch.no_grad()
    def step(self) -> None:
        """One step of Adam for every network."""
        self._backward(self._forward())
        self._steps += 1
        self._mean.lerp_(self._gradient, 1 - _BETA1)
        self._square.mul_(_BETA2).addcmul_(self._gradient, self._gradient, value=1 - _BETA2)
        correction = (1 - _BETA2**self._steps) ** 0.5
        scale = self._square.sqrt().div_(correction).add_(_EPSILON)
        self._flat.addcdiv_(self._mean, scale, value=-self.recipe.learning_rate / (1 - _BETA1**self._steps))

    def run(self, report: Callable[[int], None]) -> None:
        """All steps of the recipe; `report` is told now and then how many were taken since, and may raise."""
        for start in range(0, self.recipe.steps, _REPORT):
            count = min(_REPORT, self.recipe.steps - start)
            for _ in range(count):
                self.step()
            report(count)

    def _forward(self) -> list[Tensor]:
        """Fill values, cosines and the residual; returns the layers with the frequency multiplied in."""
        *hidden, last = self._layers
        scaled = [*(layer * self.recipe.frequency for layer in hidden), last]
        self._first(scaled[0])
        for number in range(1, len(hidden)):
            angle = self._cosines[number]
            torch.bmm(scaled[number], self._values[number - 1], out=angle)
            torch.sin(angle, out=self._values[number][:, :-1])
            angle.cos_()
        torch.bmm(last, self._values[-1], out=self._residual)
        self._residual.sub_(self._targets)
        return scaled

    def _first(self, layer: Tensor) -> None:
        """The first layer's sines and cosines.

        On a grid the angle is a sum, one part per row and one per column, and
        ``sin(r + c) = sin r cos c + cos r sin c``: H + W sines per neuron instead of H W.
        """
        sine, cosine = self._values[0][:, :-1], self._cosines[0]
        if not self._separable:
            count, out, _ = layer.shape
            torch.mm(layer.view(count * out, 3), self._points, out=cosine.view(count * out, -1))
            torch.sin(cosine, out=sine)
            cosine.cos_()
            return
        height, width = self._size
        at_row, at_column = (1, 0) if self.recipe.order == "xy" else (0, 1)
        rows = self._points[at_row, ::width] * layer[..., at_row, None]
        columns = self._points[at_column, :width] * layer[..., at_column, None] + layer[..., 2:]
        sin_r, cos_r = rows.sin()[..., None], rows.cos()[..., None]
        sin_c, cos_c = columns.sin()[..., None, :], columns.cos()[..., None, :]
        sine, cosine = sine.unflatten(2, (height, width)), cosine.unflatten(2, (height, width))
        torch.mul(sin_r, cos_c, out=sine).addcmul_(cos_r, sin_c)
        torch.mul(cos_r, cos_c, out=cosine).addcmul_(sin_r, sin_c, value=-1)

    def _backward(self, scaled: list[Tensor]) -> None:
        """Gradients of all layers from the residual; `scaled` is what :meth:`_forward` returned."""
        pixels = self._residual.shape[1] * self._residual.shape[2]
        delta = self._residual.mul_(2 / pixels)
        for number in range(len(scaled) - 1, 0, -1):
            gradient, below = self._gradients[number], self._values[number - 1]
            gradient[..., :-1] = torch.bmm(delta, below[:, :-1].mT)
            gradient[..., -1] = delta.sum(dim=2)
            back = self._deltas[number - 1]
            torch.bmm(scaled[number][..., :-1].mT, delta, out=back)
            delta = back.mul_(self._cosines[number - 1])
        torch.bmm(delta, self._points.mT.expand(len(delta), -1, -1), out=self._gradients[0])
        for gradient in self._gradients[:-1]:
            gradient.mul_(self.recipe.frequency)
