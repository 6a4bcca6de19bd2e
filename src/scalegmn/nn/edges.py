"""Edge features before the first layer: few numbers per edge times few vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from scalegmn.nn.segments import Selection
from scalegmn.shapes import EdgeFeatures


@final
@dataclass(frozen=True, eq=False)
class FactoredEdges:
    """Features ``columns @ vectors`` that nobody has multiplied yet.

    A linear map of them is ``columns @ (vectors W^T)``: R numbers per edge are multiplied instead of D.

    Attributes:
        columns: the weights of every edge, each in the column of its tap, ``(E, R)``.
        vectors: the features of a weight 1 at each tap, ``(R, D)``.

    Law: edge.
    """

    columns: Float[Tensor, "E R"]
    vectors: Float[Tensor, "R D"]

    def mapped(self, weight: Tensor) -> Tensor:
        """``W e`` for a matrix ``(F, D)``, ``(E, F)``."""
        return self.columns @ linear(self.vectors, weight)

    def multiplied(self) -> EdgeFeatures:
        """The features themselves, ``(E, D)``."""
        return self.columns @ self.vectors

    def take(self, edges: Selection) -> FactoredEdges:
        """Those of some of the edges."""
        return FactoredEdges(edges.take(self.columns), self.vectors)


Edges = EdgeFeatures | FactoredEdges


def mapped(edges: Edges, weight: Tensor) -> Tensor:
    """``W e`` for a matrix ``(F, D)``, ``(E, F)``."""
    return edges.mapped(weight) if isinstance(edges, FactoredEdges) else linear(edges, weight)


def multiplied(edges: Edges) -> EdgeFeatures:
    """The features as one matrix, ``(E, D)``."""
    return edges.multiplied() if isinstance(edges, FactoredEdges) else edges


def taken(edges: Edges, chosen: Selection) -> Tensor | FactoredEdges:
    """The features of some of the edges."""
    return edges.take(chosen) if isinstance(edges, FactoredEdges) else chosen.take(edges)
