"""Linear maps of edge features, all at once or a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.nn.factored import Edges, Factored, mapped


@final
@dataclass(frozen=True, eq=False)
class EdgeMap:
    """``W e`` of some edges.

    Attributes:
        edges: ``W e``, or e where there is a `weight`.
        weight: W, ``(F, D)``, to be applied part by part.
    """

    edges: Edges
    weight: Tensor | None = None

    @staticmethod
    def of(edges: Edges, weight: Tensor, *, in_parts: bool) -> EdgeMap:
        """``W e``; with `in_parts` computed no sooner than it is asked for."""
        if isinstance(edges, Factored):
            return EdgeMap(edges.mapped(weight))
        return EdgeMap(edges, weight) if in_parts else EdgeMap(mapped(edges, weight))

    def parts(self, slices: Sequence[slice]) -> Iterator[Tensor | Factored]:
        """``W e`` of slices that follow each other and hold all edges."""
        if self.weight is not None:
            yield from (mapped(self.edges[part], self.weight) for part in slices)
        elif isinstance(self.edges, Factored):
            yield from (self.edges[part] for part in slices)
        else:
            # One gradient for all slices: that of each alone would be as large as the whole.
            yield from self.edges.split([part.stop - part.start for part in slices])
