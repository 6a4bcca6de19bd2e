"""Which parameters a scale or a sign moves, and how many there are of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.sparse import csr_matrix

from ._kernel import Kernel
from ._labels import Labels, Term, core

LARGEST_EXACT = 200_000
"""Parameters with more different entries are described term by term, without looking for what cancels."""


@final
@dataclass(frozen=True)
class ExponentFamily:
    """Dimensions of one kind: channels that the same parameters write and read.

    Attributes:
        origin: path of the module of the first of them.
        parameters: what is moved, each with the axes along which different members move different entries.
        members: how many of them there are.
    """

    origin: str
    parameters: tuple[tuple[str, tuple[int, ...]], ...]
    members: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(name for name, _ in self.parameters)


def families(kernel: Kernel, parameters: Mapping[str, Labels]) -> tuple[ExponentFamily, ...]:
    """Group the dimensions of a kernel by the parameters that they move.

    Args:
        kernel: solutions.
        parameters: labels of parameters, resolved.

    Returns:
        Families in the order of their first members; dimensions that move no parameter are left out.
    """
    touched: list[list[tuple[str, tuple[int, ...]]]] = [[] for _ in range(kernel.dimension)]
    for name, labels in parameters.items():
        for column, axes in _touched(kernel, labels):
            touched[column].append((name, axes))
    members: dict[tuple[tuple[str, tuple[int, ...]], ...], list[int]] = {}
    for column, moved in enumerate(touched):
        if moved:
            members.setdefault(tuple(moved), []).append(column)
    return tuple(
        ExponentFamily(moved[0][0].rpartition(".")[0], moved, len(columns))
        for moved, columns in members.items()
    )


def moved_by(kernel: Kernel, labels: Labels) -> list[int]:
    """Dimensions of a kernel that move any entry of a parameter."""
    return [column for column, _ in _touched(kernel, labels)]


def _touched(kernel: Kernel, labels: Labels) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Free unknowns that move any entry of a parameter, each with the axes along which their terms vary."""
    columns = [(term, _columns(kernel, term)) for term in labels.terms]
    if _size(labels) <= LARGEST_EXACT:
        present = np.unique(_total(kernel, labels).indices).tolist()
    else:
        present = sorted({column for _, found in columns for column in found})
    for column in present:
        axes = {axis for term, found in columns if column in found for axis in _axes(term)}
        yield column, tuple(sorted(axes))


def _columns(kernel: Kernel, term: Term) -> set[int]:
    ids = np.unique(core(term.ids).numpy())
    return set(kernel.matrix[kernel.position(ids)].indices.tolist())


def _axes(term: Term) -> tuple[int, ...]:
    return tuple(a for a in range(term.ids.dim()) if term.ids.shape[a] > 1 and term.ids.stride(a) != 0)


def varying(labels: Labels) -> tuple[int, ...]:
    """Axes along which the exponents of a parameter change."""
    return tuple(sorted({axis for term in labels.terms for axis in _axes(term)}))


def _size(labels: Labels) -> int:
    return int(np.prod([labels.shape[axis] for axis in varying(labels)], dtype=np.int64))


def _total(kernel: Kernel, labels: Labels) -> csr_matrix:
    """Exponents of the different entries of a parameter, as combinations of free unknowns, zeros removed."""
    kept = varying(labels)
    index = tuple(slice(None) if axis in kept else slice(0, 1) for axis in range(len(labels.shape)))
    total = csr_matrix((_size(labels), kernel.dimension))
    for term in labels.terms:
        ids = term.ids[index].reshape(-1).numpy()
        total = total + float(term.coefficient) * kernel.matrix[kernel.position(ids)]
    if kernel.matrix.dtype.kind == "i":
        total.data %= 2
    total.data[np.abs(total.data) < 1e-12] = 0
    total.eliminate_zeros()
    return total
