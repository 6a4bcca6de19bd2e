"""All permutations of points that keep a set of colored rows: what a program allows, as a tree of groups.

The structures that networks give are nearly trees.  Parts that no row connects move independently, and parts
that are alike change places: that gives symmetric groups and wreath products.  What is left is searched, one
point at a time, as in nauty (McKay and Piperno 2014, Practical graph isomorphism II).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from scalegmn.errors import SymmetryError

from ._permutation_groups import Cosets, DirectProduct, PermutationGroup, Wreath
from ._relations import Relation

LIMIT: Final = 4_000
"""Points in one part without any structure that takes it apart; more are not searched."""

_Colors = NDArray[np.uint64]
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)


@final
class RelationalStructure:
    """Points, with colored rows.

    Args:
        points: the tags that may move, in increasing order.
        colors: of the points; only points of one color are exchanged.
        relations: rows of tags; those that are not among the points stay where they are.
    """

    def __init__(
        self, points: NDArray[np.int64], colors: NDArray[np.int64], relations: Iterable[Relation]
    ) -> None:
        self.size: Final = len(points)
        self._tables: Final[list[tuple[NDArray[np.int64], _Colors]]] = []
        self.rows: Final[list[tuple[int, ...]]] = []
        self._row_colors: Final[list[int]] = []
        for number, relation in enumerate(relations):
            self._add(number, relation, points)
        self.known: Final = {(color, row) for color, row in zip(self._row_colors, self.rows, strict=True)}
        self.incident: Final[dict[int, list[int]]] = defaultdict(list)
        for index, row in enumerate(self.rows):
            for point in {point for point in row if point < self.size}:
                self.incident[point].append(index)
        start = np.zeros(self.size + 1, dtype=np.uint64)
        start[: self.size] = colors.astype(np.uint64) + np.uint64(1)
        self.colors: Final = self.refined(start, np.arange(self.size))

    def _add(self, number: int, relation: Relation, points: NDArray[np.int64]) -> None:
        places = np.searchsorted(points, relation.rows)
        inside = np.isin(relation.rows, points)
        rows = np.where(inside, places, self.size)
        colors = relation.colors.astype(np.uint64) + np.uint64(number) * np.uint64(1 << 32)
        self._tables.append((rows, _mixed(colors + np.uint64(7))))
        self.rows.extend(map(tuple, rows.tolist()))
        self._row_colors.extend(colors.tolist())

    def refined(self, colors: _Colors, points: NDArray[np.int64]) -> _Colors:
        """Colors of some points told apart by the rows that they stand in, until nothing changes.

        Args:
            colors: of all points, and of what never moves.
            points: whose colors may change.
        """
        tables = self._tables if len(points) == self.size else self._restricted(points)
        classes = len(np.unique(colors[points]))
        while True:
            sums = np.zeros_like(colors)
            for rows, row_colors in tables:
                hashed = row_colors
                for column in range(rows.shape[1]):
                    hashed = _mixed(hashed ^ _mixed(colors[rows[:, column]] + np.uint64(column)))
                for column in range(rows.shape[1]):
                    np.add.at(sums, rows[:, column], _mixed(hashed + np.uint64(column + 101)))
            colors = colors.copy()
            colors[points] = _mixed(colors[points] * _PRIME + sums[points])
            if (found := len(np.unique(colors[points]))) == classes:
                return colors
            classes = found

    def _restricted(self, points: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], _Colors]]:
        inside = np.zeros(self.size + 1, dtype=bool)
        inside[points] = True
        found = []
        for rows, colors in self._tables:
            touched = inside[rows].any(axis=1)
            if touched.any():
                found.append((rows[touched], colors[touched]))
        return found

    def parts(self, points: Sequence[int]) -> list[list[int]]:
        """Points in groups that no row connects, each in order, the groups by their first points."""
        place = {point: index for index, point in enumerate(points)}
        first, second = [], []
        for point in points:
            for index in self.incident.get(point, ()):
                for other in self.rows[index]:
                    if other in place and other != point:
                        first.append(place[point])
                        second.append(place[other])
        graph = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), (len(points),) * 2)
        _, labels = connected_components(graph, directed=False)
        groups: dict[int, list[int]] = defaultdict(list)
        for point, label in zip(points, labels.tolist(), strict=True):
            groups[label].append(point)
        return list(groups.values())

    def keeps_rows(self, mapping: Mapping[int, int]) -> bool:
        """Whether all rows of some points are rows after these points have moved."""
        touched = {index for point in mapping for index in self.incident.get(point, ())}
        return all(
            (self._row_colors[index], tuple(mapping.get(point, point) for point in self.rows[index]))
            in self.known
            for index in touched
        )


def _mixed(values: _Colors) -> _Colors:
    """Well-mixed bits (splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@final
class Automorphisms:
    """The group of a structure.

    Args:
        structure: points with colored rows.
    """

    def __init__(self, structure: RelationalStructure) -> None:
        self._structure: Final = structure
        self._marks = count(1)

    def group(self) -> PermutationGroup:
        """All permutations of the points that keep the rows."""
        return self._group(list(range(self._structure.size)), self._structure.colors)

    def _group(self, points: list[int], colors: _Colors) -> PermutationGroup:
        single, rest = _apart(points, colors)
        if not rest:
            return DirectProduct(())
        parts = self._structure.parts(rest)
        if len(parts) == 1 and not single:
            return self._searched(points, colors)
        factors: list[PermutationGroup] = []
        for first, maps in self._classes(parts, colors):
            inner = self._group(first, colors) if len(first) > 1 else DirectProduct(())
            if len(maps) > 1:
                factors.append(Wreath(np.array(maps, dtype=np.int64), inner))
            elif not inner.is_trivial:
                factors.append(inner)
        return factors[0] if len(factors) == 1 else DirectProduct(tuple(factors))

    def _classes(
        self, parts: Sequence[list[int]], colors: _Colors
    ) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Parts that are alike: the first one, and where its points are in each."""
        classes: dict[tuple[int, ...], list[tuple[list[int], list[list[int]]]]] = defaultdict(list)
        for part in parts:
            alike = classes[tuple(sorted(colors[part].tolist()))]
            for first, maps in alike:
                found = self._isomorphism(first, part, colors)
                if found is not None:
                    maps.append([found[point] for point in first])
                    break
            else:
                alike.append((part, [part]))
        for alike in classes.values():
            yield from alike

    def _isomorphism(self, first: list[int], second: list[int], colors: _Colors) -> dict[int, int] | None:
        """A map between two parts that keeps the rows when they change places."""
        found = self._matched(first, second, colors, colors)
        if found is None:
            return None
        both = {**found, **{image: point for point, image in found.items()}} if first != second else found
        return found if self._structure.keeps_rows(both) else None

    def _matched(
        self, first: list[int], second: list[int], colors: _Colors, others: _Colors
    ) -> dict[int, int] | None:
        """A map between two sets of points with colors of their own, as far as colors and parts tell."""
        if sorted(colors[first].tolist()) != sorted(others[second].tolist()):
            return None
        single, rest = _apart(first, colors)
        other_single, other_rest = _apart(second, others)
        by_color = {int(others[point]): point for point in other_single}
        mapping = {point: by_color[int(colors[point])] for point in single}
        if not rest:
            return mapping
        parts, other_parts = self._structure.parts(rest), self._structure.parts(other_rest)
        if len(parts) != len(other_parts):
            return None
        if len(parts) == 1 and not single:
            return self._tried(first, second, colors, others)
        for part in parts:
            for index, other in enumerate(other_parts):
                found = self._matched(part, other, colors, others)
                if found is not None:
                    mapping.update(found)
                    del other_parts[index]
                    break
            else:
                return None
        return mapping

    def _tried(
        self, first: list[int], second: list[int], colors: _Colors, others: _Colors
    ) -> dict[int, int] | None:
        point = _branching(first, colors)
        for image in second:
            if others[image] == colors[point]:
                found = self._moved(first, second, colors, others, point, image)
                if found is not None:
                    return found
        return None

    def _moved(
        self, first: list[int], second: list[int], colors: _Colors, others: _Colors, point: int, image: int
    ) -> dict[int, int] | None:
        """A map that takes one point to another one."""
        mark = np.uint64(next(self._marks))
        return self._matched(
            first, second, self._marked(first, colors, point, mark), self._marked(second, others, image, mark)
        )

    def _marked(self, points: list[int], colors: _Colors, point: int, mark: np.uint64) -> _Colors:
        colors = colors.copy()
        colors[point] = mark
        return self._structure.refined(colors, np.array(points))

    def _searched(self, points: list[int], colors: _Colors) -> PermutationGroup:
        """One point is moved to all places where it can go; the rest follows from where it is held."""
        if len(points) > LIMIT:
            raise SymmetryError(
                f"{len(points)} channels are tied to each other without any order, expected at most {LIMIT}; "
                "ask for scales and signs only"
            )
        point = _branching(points, colors)
        moves = []
        for image in points:
            if image != point and colors[image] == colors[point]:
                found = self._moved(points, points, colors, colors, point, image)
                if found is not None and self._structure.keeps_rows(found):
                    moves.append([found[p] for p in points])
        held = self._group(points, self._marked(points, colors, point, np.uint64(next(self._marks))))
        return Cosets(np.array(points), np.array([points, *moves], dtype=np.int64), held)


def _apart(points: Sequence[int], colors: _Colors) -> tuple[list[int], list[int]]:
    """Points whose color no other one has, and the rest."""
    own = colors[list(points)].tolist()
    counts = Counter(own)
    single = [point for point, color in zip(points, own, strict=True) if counts[color] == 1]
    return single, [point for point, color in zip(points, own, strict=True) if counts[color] > 1]


def _branching(points: Sequence[int], colors: _Colors) -> int:
    """The first point of the smallest class."""
    own = colors[list(points)].tolist()
    counts = Counter(own)
    smallest = min(counts, key=lambda color: (counts[color], color))
    return points[own.index(smallest)]
