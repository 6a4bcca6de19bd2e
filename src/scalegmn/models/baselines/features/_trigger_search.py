"""Inputs changed step by step until a network takes them for another class.

What is searched is one change for all inputs, as a trigger is: universal perturbations are due to
Moosavi-Dezfooli et al. 2017, and Neural Cleanse (Wang et al. 2019) searches them for every class to find
trojans.  Here the length of the change grows by a fixed schedule, and nothing is tuned to a network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, logsigmoid

from scalegmn.models.baselines.features._searches import ChangeSearch
from scalegmn.networks import Architecture, run

STEPS: Final = 2
"""Steps at each length."""
# How far a step turns the change toward the gradient.
_TURN: Final = 0.7
# Networks at once, so that their maps stay in the processor's cache.
_NETWORKS: Final = 8
# A side of the window in which the change is strongest, as a fraction of the image's.
_WINDOW: Final = 7
# Margins over which an input goes from being still to be won to being won.
_SOFTNESS: Final = 3.0
# Where inputs can be, and further where the inputs that are given are there.
_RANGE: Final = (-1.0, 1.0)


@final
@dataclass(frozen=True, eq=False)
class SearchedChanges:
    """What became of B networks when inputs were changed toward each of their C answers, or away from theirs.

    Attributes:
        margins: of every input, at length 0 and at all lengths: the answer minus the log-sum-exp of others;
            away from an answer, the same with the other sign, and C is 1.
        evenness: of the change: 1 where its size is the same everywhere, less where it is in few numbers.
        peak: the largest fraction of its energy in a window (of images; of others, in one number).

    Law: invariant under every change of parameters that keeps the function, up to rounding that the search
    may amplify.
    """

    margins: Float[Tensor, "B C R m"]
    evenness: Float[Tensor, "B C R_1"]
    peak: Float[Tensor, "B C R_1"]


def search_changes(
    architecture: Architecture,
    theta: Float[Tensor, "B P"],
    inputs: Float[Tensor, "m *shape"],
    *,
    search: ChangeSearch,
) -> SearchedChanges:
    r"""One change per network and answer, by normalized gradient ascent.

    .. math::

        \delta \leftarrow r\, \frac{(1 - t)\, \hat\delta + t\, \hat g}{\lVert \cdot \rVert}, \qquad
        g = P\, \nabla_\delta \frac 1 m \sum_k f\Big(z_c(x_k + \delta) - \log \sum_{d \ne c} e^{z_d(x_k +
        \delta)}\Big)

    in float64, because steps of fixed length amplify rounding.  `P` is the form of the search.  In bounded
    searches `f` is the logarithm of a sigmoid, and changed inputs are clamped to where inputs can be: from -1
    to 1, or from the smallest to the largest number of `inputs` beyond; otherwise `f` is nothing.

    Args:
        architecture: of the networks.
        theta: their parameters.
        inputs: where the search starts, the same for all.
        search: how long the change is, and of what form.
    """
    inputs = inputs.to(theta.device, torch.float64)
    found = [
        _Scene(architecture, part.detach().double(), inputs, search).searched()
        for part in theta.split(_NETWORKS)
    ]
    return SearchedChanges(
        margins=torch.cat([one.margins for one in found]),
        evenness=torch.cat([one.evenness for one in found]),
        peak=torch.cat([one.peak for one in found]),
    )


@final
class _Scene:
    """A few networks, and the inputs that are changed."""

    def __init__(
        self, architecture: Architecture, theta: Tensor, inputs: Tensor, search: ChangeSearch
    ) -> None:
        self._architecture, self._theta, self._inputs, self._search = architecture, theta, inputs, search
        self._low, self._high = min(_RANGE[0], float(inputs.min())), max(_RANGE[1], float(inputs.max()))
        with torch.no_grad():
            if search.away:
                own = self._answers(inputs)
                self._own = own.argmax(2) if own.shape[2] > 1 else own.sign()
                self._goals = 1
            else:
                self._goals = run(architecture, theta[:1], inputs[:1]).numel()

    def searched(self) -> SearchedChanges:
        shape = self._inputs.shape[1:]
        size = math.sqrt(math.prod(shape))
        change = self._theta.new_zeros(len(self._theta), self._goals, *shape)
        direction = change
        margins, evenness, peak = [], [], []
        for radius in self._search.radii:
            for step in range(STEPS):
                gradient, found = self._gradient(change)
                if step == 0:
                    margins.append(found)
                direction = _unit((1 - _TURN) * direction + _TURN * _unit(gradient))
                change = radius * size * direction
            evenness.append(direction.flatten(2).abs().sum(2) / size)
            peak.append(_peak(direction))
        with torch.no_grad():
            margins.append(self._margins(change))
        return SearchedChanges(
            margins=torch.stack(margins, dim=2),
            evenness=torch.stack(evenness, dim=2),
            peak=torch.stack(peak, dim=2),
        )

    def _gradient(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient of the objective by the change, ``(B, C, *shape)``, and the margins ``(B, C, m)``."""
        with torch.enable_grad():
            change = change.detach().requires_grad_()
            margins = self._margins(change)
            grows = logsigmoid(margins / _SOFTNESS) if self._search.bounded else margins
            (gradient,) = torch.autograd.grad(grows.mean(2).sum(), change)
        form = self._search.form
        return (gradient if form is None else form(gradient)), margins.detach()

    def _margins(self, change: Tensor) -> Tensor:
        """``(B, C, m)``: of each input with the change toward an answer, how far this answer is ahead."""
        changed = self._inputs + change.unsqueeze(2)
        if self._search.bounded:
            changed = changed.clamp(self._low, self._high)
        found = self._answers(changed.flatten(1, 2))
        if self._search.away:
            return self._lost(found)[:, None]
        networks, goals = change.shape[:2]
        found = found.reshape(networks, goals, len(self._inputs), goals)
        own = found.diagonal(dim1=1, dim2=3).transpose(1, 2)
        if goals == 1:
            return own
        same = torch.eye(goals, dtype=torch.bool, device=change.device)[:, None]
        return own - found.masked_fill(same, -math.inf).logsumexp(3)

    def _lost(self, found: Tensor) -> Tensor:
        """``(B, m)``: how far what was the answer to an input is behind."""
        if found.shape[2] == 1:
            return -(self._own * found).squeeze(2)
        own = found.gather(2, self._own[..., None])
        return found.scatter(2, self._own[..., None], -math.inf).logsumexp(2) - own.squeeze(2)

    def _answers(self, inputs: Tensor) -> Tensor:
        """``(B, n, answers)`` of the networks for inputs ``(B, n, *shape)``."""
        return run(self._architecture, self._theta, inputs).flatten(2)


def _unit(change: Tensor) -> Tensor:
    """Normalize changes to length 1 for each network and class; 0 stays 0."""
    # Divided by the largest first, so that squares of tiny gradients do not vanish.
    largest = change.flatten(2).abs().amax(2).reshape(*change.shape[:2], *(1,) * (change.ndim - 2))
    scaled = change / torch.where(largest > 0, largest, 1.0)
    length = scaled.flatten(2).norm(dim=2).reshape(largest.shape)
    return scaled / torch.where(length > 0, length, 1.0)


def _peak(direction: Tensor) -> Tensor:
    energy = direction.square()
    if energy.ndim != 5:
        return energy.flatten(2).amax(2)
    summed = energy.sum(2)
    window = tuple(max(1, side // _WINDOW) for side in summed.shape[2:])
    return avg_pool2d(summed, window, stride=1).flatten(2).amax(2) * math.prod(window)
