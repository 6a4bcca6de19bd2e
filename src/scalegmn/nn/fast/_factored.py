"""Low-rank features, which is what edges and nodes have before the first layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn.fast._segments import RowSubset
from scalegmn.shapes import EdgeFeatures, MappedRows, Rows


@final
@dataclass(frozen=True, eq=False)
class Factored:
    """Low-rank features ``columns @ vectors``, evaluated lazily.

    A linear map of them is ``columns @ (vectors W^T)``: R numbers per row are multiplied instead of D.

    Attributes:
        columns: ``(M, R)``; of an edge its weights, each in the column of its tap.
        vectors: ``(R, D)``; the features of a weight 1 at each tap.
        single: no row has more than one column that is not 0.

    Law: that of the columns.
    """

    columns: Float[Tensor, "M R"]
    vectors: Float[Tensor, "R D"]
    single: bool = False

    def apply_linear(self, weight: Tensor) -> Factored:
        """``W x`` for a matrix ``(F, D)``."""
        return Factored(self.columns, linear(self.vectors, weight), self.single)

    def materialize(self) -> Rows:
        """The features themselves, ``(M, D)``."""
        return self.columns @ self.vectors

    def times(self, numbers: Tensor) -> Factored:
        """Every row times a number of its own, ``(M, 1)``."""
        return Factored(self.columns * numbers, self.vectors, self.single)

    def take(self, rows: RowSubset) -> Factored:
        """A subset of the rows."""
        return Factored(rows.take(self.columns), self.vectors, self.single)

    def __getitem__(self, rows: slice) -> Factored:
        """The rows of a slice."""
        return Factored(self.columns[rows], self.vectors, self.single)


Edges = EdgeFeatures | Factored
Features = Rows | Factored


def apply_linear(x: Features, weight: Tensor) -> MappedRows:
    """``W x`` for a matrix ``(F, D)``, ``(M, F)``."""
    return x.apply_linear(weight).materialize() if isinstance(x, Factored) else linear(x, weight)


def apply_affine(layer: nn.Linear, x: Features) -> MappedRows:
    """``W x + c``, ``(M, F)``."""
    if not isinstance(x, Factored):
        found: Tensor = layer(x)
        return found
    found = apply_linear(x, layer.weight)
    return found if layer.bias is None else found.add_(layer.bias)


def materialize(x: Features) -> Rows:
    """The features as one matrix, ``(M, D)``."""
    return x.materialize() if isinstance(x, Factored) else x


def take(x: Features, chosen: RowSubset) -> Tensor | Factored:
    """The features of a subset of the rows."""
    return x.take(chosen) if isinstance(x, Factored) else chosen.take(x)
