"""Neurons added to a hidden layer of a list of layers; the function stays."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from scalegmn.networks import LayeredArchitecture

from ._cancel import CANCEL
from ._neurons import HiddenNeurons
from ._split import SPLIT
from ._unread import UNREAD

_SPREAD: Final = 100.0


def with_unread_neurons(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    count: int,
    generator: torch.Generator,
) -> tuple[LayeredArchitecture, Tensor]:
    """Add hidden neurons with random incoming weights that the next layer multiplies by 0.

    Args:
        architecture: a list of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer that gets more outputs, from 0.
        count: of new neurons.
        generator: of their weights.

    Raises:
        ArchitectureError: there is no such hidden layer, or its width is fixed (at skip connections and
            convolutions in groups).

    Law: the function stays.
    """
    neurons = HiddenNeurons.of(architecture, theta, layer=layer)
    wider, found = UNREAD.widened(neurons, count=count, spread=_SPREAD, generator=generator).written()
    return wider, found.to(theta)


def with_split_neurons(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    count: int,
    generator: torch.Generator,
    spread: float = _SPREAD,
) -> tuple[LayeredArchitecture, Tensor]:
    """Split hidden neurons in two, with another share of every single outgoing weight.

    Shares are uniform in [-0.5, 1.5], so that some are negative and some above 1, and the copy that takes
    them is moved by a random element of its group.

    Args:
        architecture: a list of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer that gets more outputs, from 0.
        count: of neurons that are split, at most as many as there are.
        generator: of the choice, the shares and the elements.
        spread: scales of copies are log-uniform in ``[1 / spread, spread]``.

    Raises:
        ArchitectureError: there is no such hidden layer, or its width is fixed (at skip connections and
            convolutions in groups).

    Law: the function stays.
    """
    neurons = HiddenNeurons.of(architecture, theta, layer=layer)
    wider, found = SPLIT.widened(neurons, count=count, spread=spread, generator=generator).written()
    return wider, found.to(theta)


def with_canceling_neurons(
    architecture: LayeredArchitecture,
    theta: Tensor,
    *,
    layer: int,
    count: int,
    generator: torch.Generator,
    spread: float = _SPREAD,
) -> tuple[LayeredArchitecture, Tensor]:
    """Add pairs of hidden neurons with equal incoming and opposite outgoing weights.

    All weights are drawn; the second of each pair is moved by a random element of its group.

    Args:
        architecture: a list of layers.
        theta: parameters, ``(P,)``.
        layer: number of the weighted layer that gets more outputs, from 0.
        count: of pairs.
        generator: of their weights and elements.
        spread: scales of second neurons are log-uniform in ``[1 / spread, spread]``.

    Raises:
        ArchitectureError: there is no such hidden layer, or its width is fixed (at skip connections and
            convolutions in groups).

    Law: the function stays.
    """
    neurons = HiddenNeurons.of(architecture, theta, layer=layer)
    wider, found = CANCEL.widened(neurons, count=count, spread=spread, generator=generator).written()
    return wider, found.to(theta)
