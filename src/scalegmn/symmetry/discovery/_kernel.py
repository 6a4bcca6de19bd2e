"""The kernel of a sparse linear system, exactly: over the rational numbers, and over GF(2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from ._equations import Equations
from ._labels import ORIGIN

Ids = NDArray[np.int64]
Row = dict[int, Fraction]


@final
@dataclass(frozen=True, eq=False)
class Kernel:
    """All solutions: every unknown as a combination of a basis.

    Attributes:
        unknowns: ids in increasing order; the first is the origin, which is 0.
        matrix: ``(unknowns, dimension)``, how each unknown depends on the members of a basis.
    """

    unknowns: Ids
    matrix: csr_matrix

    @property
    def dimension(self) -> int:
        """How many members a basis has."""
        return int(self.matrix.shape[1])

    def position(self, ids: Ids) -> Ids:
        """Where unknowns stand among ``unknowns``."""
        return np.searchsorted(self.unknowns, ids)


def solve(equations: Equations, unknowns: Ids, *, modulus: int | None = None) -> Kernel:
    """Solve homogeneous equations.

    Equalities of two unknowns are united first, and what is left is eliminated row by row.  An equation is
    solved for its newest unknown, so that the free ones stand where a network begins.

    Args:
        equations: sums that vanish.
        unknowns: all ids that occur in equations or are asked for later, in increasing order, without the
            origin.
        modulus: None for rational numbers, 2 for GF(2).
    """
    ids = np.concatenate([np.array([ORIGIN], dtype=np.int64), unknowns])
    united, others = _united(equations, ids, modulus)
    solved = _eliminated(others, united, modulus)
    return _kernel(ids, united, solved, modulus)


def _united(
    equations: Equations, ids: Ids, modulus: int | None
) -> tuple[Ids, list[tuple[tuple[Fraction, ...], Ids]]]:
    """For each unknown the smallest that it equals, as positions, and all equations of another form."""
    pairs: list[Ids] = []
    others: list[tuple[tuple[Fraction, ...], Ids]] = []
    for coefficients, rows in equations.tables():
        positions = np.searchsorted(ids, rows)
        if len(coefficients) == 1 and _residue(coefficients[0], modulus) != 0:
            pairs.append(np.column_stack([positions[:, 0], np.zeros(len(positions), dtype=np.int64)]))
        elif len(coefficients) == 2 and _is_equality(*coefficients, modulus):
            pairs.append(positions)
        else:
            others.append((coefficients, positions))
    joined = np.concatenate([np.zeros((1, 2), dtype=np.int64), *pairs])
    graph = csr_matrix(
        (np.ones(len(joined), dtype=bool), (joined[:, 0], joined[:, 1])), shape=(ids.size, ids.size)
    )
    _, component = connected_components(graph, directed=False)
    smallest = np.full(component.max() + 1, ids.size, dtype=np.int64)
    np.minimum.at(smallest, component, np.arange(ids.size))
    return smallest[component], others


def _is_equality(first: Fraction, second: Fraction, modulus: int | None) -> bool:
    return _residue(first, modulus) != 0 and _residue(first + second, modulus) == 0


def _eliminated(
    tables: Iterable[tuple[tuple[Fraction, ...], Ids]], united: Ids, modulus: int | None
) -> dict[int, Row]:
    """Each pivot as a combination of smaller unknowns; neither pivots nor the origin occur on the right."""
    solved: dict[int, Row] = {}
    for coefficients, rows in tables:
        for unknowns in np.unique(united[rows], axis=0).tolist():
            row: Row = {}
            for coefficient, unknown in zip(coefficients, unknowns, strict=True):
                _add(row, {unknown: Fraction(1)}, coefficient, modulus)
            _reduce(row, solved, modulus)
    for pivot in sorted(solved):
        known: Row = {}
        for unknown, coefficient in solved[pivot].items():
            _add(known, solved.get(unknown, {unknown: Fraction(1)}), coefficient, modulus)
        solved[pivot] = known
    return solved


def _reduce(row: Row, solved: dict[int, Row], modulus: int | None) -> None:
    """Solve an equation for its newest unknown that no other one was solved for."""
    while row:
        pivot = max(row)
        coefficient = row.pop(pivot)
        if pivot not in solved:
            solved[pivot] = {unknown: _residue(-c / coefficient, modulus) for unknown, c in row.items()}
            return
        _add(row, solved[pivot], coefficient, modulus)


def _add(row: Row, other: Row, factor: Fraction, modulus: int | None) -> None:
    for unknown, coefficient in other.items():
        total = _residue(row.get(unknown, Fraction(0)) + factor * coefficient, modulus)
        if total == 0 or unknown == ORIGIN:
            row.pop(unknown, None)
        else:
            row[unknown] = total


def _residue(value: Fraction, modulus: int | None) -> Fraction:
    return (
        value
        if modulus is None
        else Fraction(value.numerator * pow(value.denominator, -1, modulus) % modulus)
    )


def _kernel(ids: Ids, united: Ids, solved: dict[int, Row], modulus: int | None) -> Kernel:
    heads = np.flatnonzero(united == np.arange(ids.size))
    free = np.array(
        [head for head in heads.tolist() if head not in solved and head != ORIGIN], dtype=np.int64
    )
    column = {head: index for index, head in enumerate(free.tolist())}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for head in heads.tolist():
        for unknown, coefficient in solved.get(head, {head: Fraction(1)} if head in column else {}).items():
            rows.append(head)
            columns.append(column[unknown])
            values.append(float(coefficient))
    dtype = np.float64 if modulus is None else np.int64
    matrix = csr_matrix((np.array(values, dtype=dtype), (rows, columns)), shape=(ids.size, free.size))
    return Kernel(unknowns=ids, matrix=matrix[united])
