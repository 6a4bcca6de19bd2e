"""Inputs changed step by step until a network takes them for another class.

What is searched is one change for all inputs, as a trigger is: universal perturbations are due to
Moosavi-Dezfooli et al. 2017, and Neural Cleanse (Wang et al. 2019) searches them for every class to find
trojans.  Here the length of the change grows by a fixed schedule, and nothing is tuned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from scalegmn.networks import Architecture, run

RADII: Final = (0.018, 0.036, 0.054, 0.071, 0.107, 0.143, 0.179, 0.214, 0.286)
"""Root mean squares of the change, one after the other; of 28 x 28 pixels, lengths from 0.5 to 8."""
STEPS: Final = 2
"""Steps at each length."""
# How far a step turns the change toward the gradient.
_TURN: Final = 0.7
# Networks at once, so that their maps stay in the processor's cache.
_NETWORKS: Final = 8
# A side of the window in which the change is strongest, as a fraction of the image's.
_WINDOW: Final = 7


@final
@dataclass(frozen=True, eq=False)
class SearchedChanges:
    """What became of B networks when inputs were changed toward each of their C answers.

    Attributes:
        margins: of every input, at length 0 and at all lengths: the answer minus the log-sum-exp of others.
        evenness: of the change: 1 where its size is the same everywhere, less where it is in few numbers.
        peak: the largest fraction of its energy in a window (of images; of others, in one number).

    Law: invariant under every change of parameters that keeps the function, up to rounding that the search
    may amplify.
    """

    margins: Float[Tensor, "B C R m"]
    evenness: Float[Tensor, "B C R_1"]
    peak: Float[Tensor, "B C R_1"]


def search_changes(
    architecture: Architecture, theta: Float[Tensor, "B P"], inputs: Float[Tensor, "m *shape"]
) -> SearchedChanges:
    r"""One change per network and answer, by normalized gradient ascent of the mean margin.

    .. math::

        \delta \leftarrow r\, \frac{(1 - t)\, \hat\delta + t\, \hat g}{\lVert \cdot \rVert}, \qquad
        g = \nabla_\delta \frac 1 m \sum_k \Big(z_c(x_k + \delta) - \log \sum_{d \ne c} e^{z_d(x_k +
        \delta)}\Big)

    in float64, because steps of fixed length amplify rounding.

    Args:
        architecture: of the networks.
        theta: their parameters.
        inputs: where the search starts, the same for all.
    """
    inputs = inputs.to(theta.device, torch.float64)
    found = [_search(architecture, part.detach().double(), inputs) for part in theta.split(_NETWORKS)]
    return SearchedChanges(
        margins=torch.cat([one.margins for one in found]),
        evenness=torch.cat([one.evenness for one in found]),
        peak=torch.cat([one.peak for one in found]),
    )


def _search(architecture: Architecture, theta: Tensor, inputs: Tensor) -> SearchedChanges:
    with torch.no_grad():
        answers = run(architecture, theta[:1], inputs[:1]).numel()
    numbers = math.prod(inputs.shape[1:])
    change = theta.new_zeros(len(theta), answers, *inputs.shape[1:])
    direction = change
    margins, evenness, peak = [], [], []
    for radius in RADII:
        for step in range(STEPS):
            gradient, found = _gradient(architecture, theta, inputs, change)
            if step == 0:
                margins.append(found)
            direction = _unit((1 - _TURN) * direction + _TURN * _unit(gradient))
            change = radius * math.sqrt(numbers) * direction
        evenness.append(direction.flatten(2).abs().sum(2) / math.sqrt(numbers))
        peak.append(_peak(direction))
    with torch.no_grad():
        margins.append(_margins(architecture, theta, inputs, change))
    return SearchedChanges(
        margins=torch.stack(margins, dim=2),
        evenness=torch.stack(evenness, dim=2),
        peak=torch.stack(peak, dim=2),
    )


def _gradient(
    architecture: Architecture, theta: Tensor, inputs: Tensor, change: Tensor
) -> tuple[Tensor, Tensor]:
    """Of the mean margin by the change, ``(B, C, *shape)``, and the margins ``(B, C, m)``."""
    with torch.enable_grad():
        change = change.detach().requires_grad_()
        margins = _margins(architecture, theta, inputs, change)
        (gradient,) = torch.autograd.grad(margins.mean(2).sum(), change)
    return gradient, margins.detach()


def _margins(architecture: Architecture, theta: Tensor, inputs: Tensor, change: Tensor) -> Tensor:
    """``(B, C, m)``: of each input with the change toward an answer, how far this answer is ahead."""
    networks, answers = change.shape[:2]
    changed = (inputs + change.unsqueeze(2)).flatten(1, 2)
    found = run(architecture, theta, changed).reshape(networks, answers, len(inputs), answers)
    own = found.diagonal(dim1=1, dim2=3).transpose(1, 2)
    if answers == 1:
        return own
    same = torch.eye(answers, dtype=torch.bool, device=theta.device)[:, None]
    return own - found.masked_fill(same, -math.inf).logsumexp(3)


def _unit(change: Tensor) -> Tensor:
    """Of length 1 for each network and answer; 0 stays 0."""
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
