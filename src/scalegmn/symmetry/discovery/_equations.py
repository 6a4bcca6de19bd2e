"""Linear equations between unknowns, collected without repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from ._labels import ANYTHING, ORIGIN, Term, core_of, simplified

Ids = NDArray[np.int64]


@final
class Equations:
    """Sums of unknowns that have to vanish.

    Equations of one form, with the same coefficients, are rows of one table.
    """

    def __init__(self) -> None:
        self._tables: Final[dict[tuple[Fraction, ...], list[Ids]]] = {}

    def vanish(self, terms: Sequence[Term]) -> Ids:
        """Demand that a sum vanishes at every entry, except where a term may be anything.

        Args:
            terms: of one shape.

        Returns:
            The unknowns that occur, each once.
        """
        terms = sorted(simplified(terms), key=lambda term: term.coefficient)
        if not terms:
            return np.empty(0, dtype=np.int64)
        columns = [ids.reshape(-1).numpy() for ids in core_of([term.ids for term in terms])]
        rows = np.stack(columns, axis=1)
        rows = np.unique(rows[(rows != ANYTHING).all(axis=1)], axis=0)
        self._tables.setdefault(tuple(term.coefficient for term in terms), []).append(rows)
        return np.unique(rows[rows != ORIGIN])

    def tables(self) -> Iterator[tuple[tuple[Fraction, ...], Ids]]:
        """All equations: coefficients, and for each equation its unknowns."""
        for coefficients, rows in self._tables.items():
            yield coefficients, np.unique(np.concatenate(rows), axis=0)
