"""A basis of scales or signs whose members move as few parameters as possible.

Any basis would do for drawing elements, but people want to read one: that a batch norm's deviation can be
traded for its gain, rather than a combination of this with what the next layer does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import final

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, vstack

from ._kernel import Kernel
from ._labels import Labels, Term, core

Column = dict[int, Fraction]
LARGEST_TABLE = 200_000
"""Parameters with more numbers that have unknowns of their own are not looked at."""
_ROUNDS = 4


def localized(kernel: Kernel, parameters: Mapping[str, Labels], *, modulus: int | None = None) -> Kernel:
    """The same solutions with a basis that is easier to read.

    Members of the basis are subtracted from each other as long as one of them moves fewer rows and columns of
    parameters afterwards.

    Args:
        kernel: solutions.
        parameters: labels of parameters, resolved.
        modulus: None for rational numbers, 2 for signs.
    """
    basis = _Basis(_rows(kernel, parameters, modulus), modulus)
    for _ in range(_ROUNDS):
        if not basis.improve():
            break
    matrix = kernel.matrix @ basis.change()
    if modulus is not None:
        matrix.data %= modulus
        matrix.eliminate_zeros()
    return replace(kernel, matrix=csr_matrix(matrix))


@final
class _Basis:
    """Columns, how they came about, and where each row has entries."""

    def __init__(self, rows: csr_matrix, modulus: int | None) -> None:
        self._modulus = modulus
        table = csc_matrix(rows)
        table.eliminate_zeros()
        self._columns: list[Column] = [_column(table, index) for index in range(table.shape[1])]
        self._origins: list[Column] = [{index: Fraction(1)} for index in range(table.shape[1])]
        self._users: dict[int, set[int]] = {}
        for index, column in enumerate(self._columns):
            for row in column:
                self._users.setdefault(row, set()).add(index)

    def improve(self) -> bool:
        """Make every column as short as one subtraction can make it; whether any became shorter."""
        shortened = [index for index in range(len(self._columns)) if self._shorten(index)]
        return bool(shortened)

    def change(self) -> csr_matrix:
        """The new basis as combinations of the old one."""
        size = len(self._origins)
        entries = [(row, i, float(c)) for i, column in enumerate(self._origins) for row, c in column.items()]
        rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
        dtype = np.float64 if self._modulus is None else np.int64
        return csr_matrix((np.array(values, dtype=dtype), (rows, columns)), shape=(size, size))

    def _shorten(self, index: int) -> bool:
        best: tuple[int, int, Fraction] | None = None
        column = self._columns[index]
        for other, factor in self._candidates(index):
            length = len(_sum(column, self._columns[other], factor, self._modulus))
            if length < len(column) and (best is None or length < best[0]):
                best = (length, other, factor)
        if best is None:
            return False
        _, other, factor = best
        for row in column:
            self._users[row].discard(index)
        self._columns[index] = _sum(column, self._columns[other], factor, self._modulus)
        self._origins[index] = _sum(self._origins[index], self._origins[other], factor, self._modulus)
        for row in self._columns[index]:
            self._users[row].add(index)
        return True

    def _candidates(self, index: int) -> Iterator[tuple[int, Fraction]]:
        """Other columns, with the factors by which adding them makes an entry vanish."""
        tried: set[tuple[int, Fraction]] = set()
        for row, value in self._columns[index].items():
            for other in sorted(self._users[row]):
                if other != index:
                    candidate = (other, _residue(-value / self._columns[other][row], self._modulus))
                    if candidate not in tried:
                        tried.add(candidate)
                        yield candidate


def _rows(kernel: Kernel, parameters: Mapping[str, Labels], modulus: int | None) -> csr_matrix:
    """How rows, columns and single entries of parameters depend on the basis: one block per kind of term."""
    blocks = [csr_matrix((1, kernel.dimension), dtype=kernel.matrix.dtype)]
    for labels in parameters.values():
        alike: dict[tuple[int, ...], list[Term]] = {}
        for term in labels.terms:
            alike.setdefault(core(term.ids).shape, []).append(term)
        for terms in alike.values():
            if core(terms[0].ids).numel() > LARGEST_TABLE:
                continue
            total = sum(
                _weight(term, modulus) * kernel.matrix[kernel.position(core(term.ids).reshape(-1).numpy())]
                for term in terms
            )
            if modulus is not None:
                total.data %= modulus
            blocks.append(total)
    return csr_matrix(vstack(blocks))


def _weight(term: Term, modulus: int | None) -> float | int:
    return float(term.coefficient) if modulus is None else int(term.coefficient) % modulus


def _column(table: csc_matrix, index: int) -> Column:
    part = slice(table.indptr[index], table.indptr[index + 1])
    return {
        int(row): Fraction(float(value)).limit_denominator(1000)
        for row, value in zip(table.indices[part], table.data[part], strict=True)
    }


def _sum(column: Column, other: Column, factor: Fraction, modulus: int | None) -> Column:
    total = dict(column)
    for row, value in other.items():
        entry = _residue(total.get(row, Fraction(0)) + factor * value, modulus)
        if entry == 0:
            total.pop(row, None)
        else:
            total[row] = entry
    return total


def _residue(value: Fraction, modulus: int | None) -> Fraction:
    if modulus is None:
        return value
    return Fraction(value.numerator * pow(value.denominator, -1, modulus) % modulus)
