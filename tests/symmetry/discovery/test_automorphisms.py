"""The group of small structures against all permutations of their points, tried one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import exp

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scalegmn.seeding import generator
from scalegmn.symmetry.discovery._automorphisms import Automorphisms, RelationalStructure
from scalegmn.symmetry.discovery._permutation_groups import Moves
from scalegmn.symmetry.discovery._relations import relation_of, untangled

POINTS = 6


def _rows(kind: str, numbers: torch.Generator) -> list[torch.Tensor]:
    """Tables of tags 1 to 6."""
    tags = torch.arange(1, POINTS + 1)
    grid = tags.reshape(2, 3)
    if kind == "blocks":
        return [torch.stack([torch.tensor([5, 5, 6, 6]), torch.arange(1, 5)], dim=1)]
    if kind == "grid":
        same_row = [[int(a), int(b)] for row in grid for a, b in itertools.permutations(row, 2)]
        same_column = [[int(a), int(b)] for column in grid.T for a, b in itertools.permutations(column, 2)]
        return [torch.tensor(same_row), torch.tensor(same_column)]
    if kind == "cycle":
        return [torch.stack([tags, tags.roll(1)], dim=1)]
    if kind == "pairs":
        return [torch.stack([tags[:3], tags[3:]], dim=1)]
    if kind == "colored":
        return [torch.stack([tags, torch.tensor([-2, -2, -3, -3, -3, -2])], dim=1)]
    if kind == "crossed":
        return [torch.tensor([[a, b] for block in ((1, 2, 3), (4, 5, 6)) for a in block for b in block])]
    if kind == "crossed beside a block":
        return [
            torch.tensor([[h, a, b] for h, block in ((5, (1, 2)), (6, (3, 4))) for a in block for b in block])
        ]
    rows = 1 + torch.randint(POINTS, (5, 2), generator=numbers)
    return [rows, 1 + torch.randint(POINTS, (2, 3), generator=numbers)]


def _keeps(tables: Sequence[torch.Tensor], moves: Moves) -> bool:
    for table in tables:
        before = sorted(map(tuple, table.tolist()))
        after = sorted(tuple(moves.get(t - 1, t - 1) + 1 if t > 0 else t for t in row) for row in before)
        if before != after:
            return False
    return True


def _structure(tables: Sequence[torch.Tensor]) -> RelationalStructure:
    relations, blocks = untangled(map(relation_of, tables), POINTS + 1)
    more = sum(block.stop - block.start for block in blocks)
    colors: NDArray[np.int64] = np.zeros(POINTS + more, dtype=np.int64)
    for number, block in enumerate(blocks, start=1):
        colors[block.start - 1 : block.stop - 1] = number
    return RelationalStructure(np.arange(1, POINTS + 1 + more), colors, relations)


KINDS = (
    "blocks",
    "grid",
    "cycle",
    "pairs",
    "colored",
    "crossed",
    "crossed beside a block",
    *(f"random {i}" for i in range(12)),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_group_has_as_many_elements_as_there_are_permutations_that_keep_the_rows(kind: str) -> None:
    tables = _rows(kind, generator(0, kind))
    all_moves = (dict(enumerate(images)) for images in itertools.permutations(range(POINTS)))
    wanted = sum(_keeps(tables, moves) for moves in all_moves)
    group = Automorphisms(_structure(tables)).group()
    assert exp(group.log_order) == pytest.approx(wanted)
    assert all(_keeps(tables, moves) for moves in group.generators())


@pytest.mark.parametrize("kind", ["blocks", "grid", "cycle", "colored"])
def test_random_elements_are_all_elements_equally_often(kind: str) -> None:
    numbers = generator(1, kind)
    tables = _rows(kind, numbers)
    group = Automorphisms(_structure(tables)).group()
    order = round(exp(group.log_order))
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(100 * order):
        moves = group.random(numbers)
        assert _keeps(tables, moves)
        images = tuple(moves.get(point, point) for point in range(POINTS))
        counts[images] = counts.get(images, 0) + 1
    assert len(counts) == order
    # 100 are expected of each, with a standard deviation of 10.
    assert min(counts.values()) > 50
    assert max(counts.values()) < 150
