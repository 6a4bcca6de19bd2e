"""Edges whose ends have equal invariants: what depends on the ends alone is computed once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._kinds import Kinds
from scalegmn.nn.fast._segments import Incidence
from scalegmn.shapes import NodeIntegers, NodeScalars, RowIntegers

_LEAST, _MOST = 1e-15, 1e15
"""For ``|b|`` in this range, ``b v`` normalizes to the same floating-point direction for every v."""


def alike_nodes(bias: NodeScalars, at: Arrangement) -> NodeIntegers | None:
    """Equal codes for nodes with the same invariants before the first layer, ``(V,)``; None where unsure.

    The feature of a hidden neuron is its bias times the vector of its kind.  Where positive scales act, only
    the sign of the bias is left of it.
    """
    if not at.scales:
        return None
    size = bias.abs()
    # NaN is none of these: it has no sign, and must not be taken for a neuron of another network.
    known = (size == 0) | ((size >= _LEAST) & (size <= _MOST))
    if bool((at.scaled & ~known).any()):
        return None
    by_kind = 3 * at.kinds.of_rows + 1 + bias.sign().long()
    alone = 3 * len(at.kinds.examples) + torch.arange(at.num_nodes, device=bias.device)
    return torch.where(at.scaled, by_kind, alone)


@final
@dataclass(frozen=True, eq=False)
class Pairs:
    """The different pairs of codes at the two ends of an edge.

    Attributes:
        targets, sources: example nodes of each pair, ``(P,)``.
        of_edges: the pair of every edge.
    """

    targets: RowIntegers
    sources: RowIntegers
    of_edges: Incidence

    @classmethod
    def from_codes(cls, alike: NodeIntegers, at: Arrangement) -> Pairs | None:
        """The pairs of nodes with these codes; None where most edges have a pair of their own."""
        target, source = at.target.index, at.source.index
        # No code has more than 31 bits, so nobody has to ask a GPU which one is the largest.
        codes = (alike[target] << 32) + alike[source]
        pairs = Kinds.from_codes(codes)
        if 2 * len(pairs.examples) > len(codes):
            return None
        of_edges = Incidence(pairs.of_rows, len(pairs.examples))
        return cls(target[pairs.examples], source[pairs.examples], of_edges)
