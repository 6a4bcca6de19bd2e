"""Edges whose ends cannot be told apart: what depends on the ends alone is computed once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.kinds import Kinds
from scalegmn.nn.segments import Incidence
from scalegmn.shapes import NodeIntegers, NodeScalars, RowIntegers

_LEAST, _MOST = 1e-15, 1e15
"""Biases in this range have the same direction in numbers, times whichever vector."""


def alike_nodes(bias: NodeScalars, at: Arrangement) -> NodeIntegers | None:
    """Equal numbers for nodes with the same invariants before the first layer, ``(V,)``; None where unsure.

    The feature of a hidden neuron is its bias times the vector of its kind.  Where positive scales act, only
    the sign of the bias is left of it.
    """
    size = bias.abs()
    # NaN is none of these: it has no sign, and must not be taken for a neuron of another network.
    known = (size == 0) | ((size >= _LEAST) & (size <= _MOST))
    if not bool(at.scaled.any()) or bool((at.scaled & ~known).any()):
        return None
    by_kind = 3 * at.kinds.of_rows + 1 + bias.sign().long()
    alone = 3 * len(at.kinds.examples) + torch.arange(at.num_nodes, device=bias.device)
    return torch.where(at.scaled, by_kind, alone)


@final
@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of ends that occur.

    Attributes:
        targets, sources: the two ends of each, as nodes ``(P,)``.
        of_edges: the pair of every edge.
    """

    targets: RowIntegers
    sources: RowIntegers
    of_edges: Incidence

    @staticmethod
    def of(alike: NodeIntegers, at: Arrangement) -> Pairs | None:
        """The pairs of an arrangement whose nodes have these numbers; None where hardly any two are equal."""
        target, source = at.target.index, at.source.index
        codes = alike[target] * (int(alike.max()) + 1) + alike[source]
        pairs = Kinds.of(codes)
        if 2 * len(pairs.examples) > len(codes):
            return None
        of_edges = Incidence(pairs.of_rows, len(pairs.examples))
        return Pairs(target[pairs.examples], source[pairs.examples], of_edges)
