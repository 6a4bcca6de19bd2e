"""What permutations of tags have to keep: tables of tags that stand beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ._cells import Block
from ._tag_tuples import codes, components, is_fixed, rows


@final
@dataclass(frozen=True, eq=False)
class Relation:
    """Rows of tags, each once.

    Attributes:
        rows: tags above 0, and 0 in place of those that never move, ``(rows, columns)``.
        colors: of the rows: what never moves in them, and how often each occurs, ``(rows,)``.
    """

    rows: NDArray[np.int64]
    colors: NDArray[np.int64]


@final
class Relations:
    """All tables that have to stay what they are, as sets of rows, when tags are permuted."""

    def __init__(self) -> None:
        self._tables: Final[dict[bytes, Relation]] = {}

    def __iter__(self) -> Iterator[Relation]:
        return iter(self._tables.values())

    def __len__(self) -> int:
        return len(self._tables)

    def relate(self, tags: Sequence[Tensor]) -> None:
        """Demand that entries keep the tuples that they have, independent axes apart from each other."""
        for axes, group in components(tags):
            if not all(is_fixed(tag) for tag in group):
                relation = relation_of(rows(group, axes))
                key = relation.rows.tobytes() + relation.colors.tobytes() + bytes([relation.rows.shape[1]])
                self._tables.setdefault(key, relation)


def relation_of(table: Tensor) -> Relation:
    """A table in its normal form.

    Args:
        table: tags, 0 and below if they never move, ``(rows, columns)``.
    """
    numbers, _ = codes(table)
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    unique = table.numpy()[first]
    moving = unique > 0
    still = np.column_stack([np.where(moving, 1, unique), counts])
    _, colors = np.unique(still, axis=0, return_inverse=True)
    tags = np.where(moving, unique, 0)[:, moving.any(axis=0)]
    _, places = np.unique(tags, axis=1, return_index=True)  # equal columns say nothing new
    return Relation(np.ascontiguousarray(tags[:, np.sort(places)]), colors.reshape(-1).astype(np.int64))


def untangled(relations: Iterable[Relation], start: int) -> tuple[list[Relation], list[Block]]:
    """The same conditions, without tables of all combinations.

    Where every tag of one column stands beside every one of another, given the tag in a third, two smaller
    tables say the same.  Where there is no third column, a new tag for each block of combinations takes its
    place.

    Args:
        relations: tables.
        start: the first tag that is free.

    Returns:
        Tables, and the new tags.
    """
    found: list[Relation] = []
    blocks: list[Block] = []
    for relation in (part for whole in relations for part in _parts(whole)):
        labels = _crossed(relation)
        if labels is None:
            found.append(relation)
            continue
        blocks.append(Block(start, (int(labels.max()) + 1,), ""))
        for column in relation.rows.T:
            pairs, first = np.unique(np.column_stack([start + labels, column]), axis=0, return_index=True)
            found.append(Relation(pairs, relation.colors[first]))
        start = blocks[-1].stop
    return found, blocks


def _parts(relation: Relation) -> list[Relation]:
    """A table taken apart along columns on which others depend independently of each other."""
    columns = relation.rows.shape[1]
    for hub, apart in permutations(range(columns), 2) if columns > 2 else ():
        rest = [column for column in range(columns) if column != apart]
        if _independent(relation, hub, apart, rest):
            return [_narrowed(relation, [hub, apart]), *_parts(_narrowed(relation, rest))]
    return [relation]


def _independent(relation: Relation, hub: int, apart: int, rest: Sequence[int]) -> bool:
    """Whether one column has all its tags beside all rows of the rest, for each tag of the hub."""
    hubs, place = np.unique(
        np.column_stack([relation.rows[:, hub], relation.colors]), axis=0, return_inverse=True
    )
    if len(np.unique(hubs[:, 0])) < len(hubs):
        return False
    counts = np.bincount(place.reshape(-1))
    there, of_rest = (
        _counts(relation.rows[:, columns], place.reshape(-1), len(counts)) for columns in ([apart], rest)
    )
    return np.array_equal(there * of_rest, counts) and bool(((there > 1) & (of_rest > 1)).any())


def _counts(columns: NDArray[np.int64], place: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """How many different rows there are at each place."""
    return np.bincount(np.unique(np.column_stack([place, columns]), axis=0)[:, 0], minlength=size)


def _narrowed(relation: Relation, columns: Sequence[int]) -> Relation:
    rows, first = np.unique(relation.rows[:, list(columns)], axis=0, return_index=True)
    return Relation(rows, relation.colors[first])


def _crossed(relation: Relation) -> NDArray[np.int64] | None:
    """For each row of two tags the number of its block; None if not all combinations occur in each."""
    rows = relation.rows
    if rows.shape[1] != 2 or not (rows > 0).all():
        return None
    first, a = np.unique(rows[:, 0], return_inverse=True)
    second, b = np.unique(rows[:, 1], return_inverse=True)
    if len(rows) <= max(len(first), len(second)):
        return None
    size = len(first) + len(second)
    ends = (a.reshape(-1), len(first) + b.reshape(-1))
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), ends), (size, size))
    count, labels = connected_components(graph, directed=False)
    of_rows = labels[ends[0]]
    sizes = np.bincount(labels[: len(first)], minlength=count) * np.bincount(
        labels[len(first) :], minlength=count
    )
    colors = relation.colors[np.unique(of_rows, return_index=True)[1]]
    if not np.array_equal(np.bincount(of_rows, minlength=count), sizes):
        return None
    if not np.array_equal(colors[of_rows], relation.colors):
        return None
    return of_rows.astype(np.int64)
