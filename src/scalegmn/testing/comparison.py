"""How far a metanetwork's answers about transformed networks are from where they should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.graph import NetworkGraph, batch_graphs, update_parameters
from scalegmn.networks import Architecture
from scalegmn.testing.elements import Pair

Networks = Sequence[tuple[Architecture, Tensor]]
"""Architectures with the parameters ``(B, P)`` of their networks; for updates at least two of each."""

Answer = Tensor | tuple[Tensor, Tensor]
Model = Callable[[NetworkGraph], Answer]

INVARIANCE = "invariance: f(g theta) = f(theta)"
EQUIVARIANCE = "equivariance: u(g theta) = g u(theta)"


@dataclass(frozen=True)
class Measurement:
    """The largest relative error that was found, and where.

    Attributes:
        error: change of an answer, divided by the spread of the answers over different networks.
        network: row of the network among those of its architecture.
        architecture: in words.
        law: what should have held.
    """

    error: float
    network: int
    architecture: str
    law: str


def measure(model: Model, pairs: Sequence[Pair]) -> Measurement:
    """Ask the model about both sides of every pair, and find the worst answer.

    Tensors ``(B, ...)`` should be the same for both; pairs of updates of weights ``(T,)`` and biases
    ``(V,)`` should transform as the parameters do.
    """
    answers = [_ask(model, pair) for pair in pairs]
    laws = {law for _, _, law in answers}
    if len(laws) > 1:
        raise SymmetryError("the model gives tensors for some networks and updates for others")
    law = laws.pop()
    if law == INVARIANCE:
        spread = _spread(torch.cat([before for before, _, _ in answers]), "answers")
        errors = [_worst(after - before, spread) for before, after, _ in answers]
    else:
        errors = [_update_errors(pair, *answer[:2]) for pair, answer in zip(pairs, answers, strict=True)]
    return _largest(errors, pairs, law)


def _ask(model: Model, pair: Pair) -> tuple[Tensor, Tensor, str]:
    """Answers, or packed updates, before and after, each ``(B, ...)``, and the law that they should obey."""
    both = torch.cat([pair.seen, pair.moved_seen])
    answer = model(batch_graphs(pair.architecture, both))
    law = INVARIANCE
    if isinstance(answer, tuple):
        answer, law = update_parameters(pair.architecture, *answer), EQUIVARIANCE
    if not torch.isfinite(answer).all():
        raise SymmetryError(
            f"the model's answers about {pair.architecture.describe()} are NaN or infinite, which shows "
            "nothing; look for numbers that grow from layer to layer"
        )
    before, after = answer.flatten(1).chunk(2)
    return before, after, law


def _update_errors(pair: Pair, before: Tensor, after: Tensor) -> Tensor:
    """Errors of all networks, ``(B,)``.

    They are measured as if the transformation were undone: a neuron that was divided by 1000 counts as
    much as one that was multiplied.
    """
    factor = pair.transform_update(torch.ones_like(before))
    difference = (after - pair.transform_update(before)) / factor
    return _worst(difference, _spread(before, "updates"))


def _spread(values: Tensor, name: str) -> Tensor:
    """Standard deviation over different networks, root mean square over everything else."""
    if values.shape[0] < 2:
        raise SymmetryError(
            f"{values.shape[0]} network, expected at least 2 (for updates of each architecture): an error is "
            f"measured against how much the {name} for different networks differ"
        )
    spread = values.var(dim=0).mean().sqrt()
    if not spread > 0:
        raise SymmetryError(
            f"{name} are the same for different networks, so there is no spread to measure an error against; "
            "train the model first, or give it weights by scalegmn.testing.randomise"
        )
    return spread


def _worst(difference: Tensor, spread: Tensor) -> Tensor:
    return difference.abs().amax(dim=1) / spread


def _largest(errors: Sequence[Tensor], pairs: Sequence[Pair], law: str) -> Measurement:
    worst = max(range(len(errors)), key=lambda number: float(errors[number].max()))
    found = errors[worst]
    return Measurement(float(found.max()), int(found.argmax()), pairs[worst].architecture.describe(), law)
