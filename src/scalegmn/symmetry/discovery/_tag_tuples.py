"""Tuples of tags: which entries of a value they tell apart, axis by axis.

A tag tensor is broadcast, with stride 0 along axes where it does not change.  Axes along which no tag varies
together with another one are independent of each other, and looked at one by one: that keeps everything as
small as the channels are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._labels import core


def varying(tags: Tensor) -> frozenset[int]:
    """Axes along which compressed tags change."""
    return frozenset(axis for axis in range(tags.dim()) if tags.shape[axis] > 1 and tags.stride(axis) != 0)


def is_fixed(tags: Tensor) -> bool:
    """Whether none of them is ever moved: positions, colors, zeros."""
    return not bool((core(tags) > 0).any())


def components(tags: Sequence[Tensor]) -> list[tuple[frozenset[int], list[Tensor]]]:
    """Tags in groups that share no axis, each with all axes of the group; constant ones are left out."""
    groups: list[tuple[frozenset[int], list[Tensor]]] = []
    for tag in tags:
        axes = varying(tag)
        if not axes:
            continue
        joined = [tag]
        apart = []
        for others, group in groups:
            if others & axes:
                axes |= others
                joined = [*group, *joined]
            else:
                apart.append((others, group))
        groups = [*apart, (axes, joined)]
    return groups


def rows(tags: Sequence[Tensor], axes: Iterable[int]) -> Tensor:
    """One row for every place along the axes, one column for every tag, ``(places, tags)``."""
    kept = set(axes)
    columns = []
    for tag in tags:
        index = tuple(slice(None) if axis in kept else 0 for axis in range(tag.dim()))
        columns.append(tag[index].reshape(-1))
    return torch.stack(columns, dim=1)


def codes(table: Tensor) -> tuple[NDArray[np.int64], int]:
    """A number for every different row of a table, and how many there are."""
    numbers = np.zeros(len(table), dtype=np.int64)
    count = 1 if len(table) else 0
    for column in table.T:
        values, inverse = np.unique(column.numpy(), return_inverse=True)
        _, numbers = np.unique(numbers * len(values) + inverse.reshape(-1), return_inverse=True)
        numbers = numbers.reshape(-1)
        count = int(numbers.max()) + 1 if len(numbers) else 0
    return numbers, count


def distinct(tags: Sequence[Tensor], axes: Iterable[int]) -> int:
    """How many different tuples there are along axes."""
    return codes(rows(tags, axes))[1] if tags else 1


def identifies(tags: Sequence[Tensor], axes: Iterable[int], shape: Sequence[int]) -> bool:
    """Whether each place along the axes has a tuple of its own."""
    wanted = 1
    for axis in (axes := tuple(axes)):
        wanted *= shape[axis]
    return wanted == 1 or distinct(tags, axes) == wanted


def minimal(tags: Sequence[Tensor]) -> list[Tensor]:
    """Drop redundant tags: keep as few as tell the same entries apart.

    Those that say least for their size go first: tags that vary along many axes, those that move, late ones.
    """
    return [tag for axes, group in components(tags) for tag in _fewest(group, axes)]


def _fewest(group: Sequence[Tensor], axes: Iterable[int]) -> list[Tensor]:
    """Tags that share axes, without those that are functions of the others."""
    axes = tuple(axes)
    count = distinct(group, axes) if len(group) > 1 else 1
    staying = list(group)
    order = sorted(range(len(group)), key=lambda i: (-len(varying(group[i])), is_fixed(group[i]), -i))
    for place in order:
        rest = [tag for tag in staying if tag is not group[place]]
        if rest and distinct(rest, axes) == count:
            staying = rest
    return staying
