"""Tags that never move: positions, equal numbers of constants, what is put around images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ._labels import ANYTHING, ORIGIN, compressed, core, narrowed
from ._tag_tuples import is_fixed, varying

FIRST_POSITION: Final = -2
"""The tag of the first place along any axis; the next ones count downwards."""


def row(size: int) -> Tensor:
    """Positions along an axis, ``(size,)``."""
    return FIRST_POSITION - torch.arange(size)


def broadcast_tags(ids: Tensor, shape: Sequence[int]) -> Tensor:
    """Along axes of size 1 in the tags, stride 0."""
    return ids.expand(tuple(shape))


def along(ids: Tensor, axes: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Tags of all places along some axes, in order, the same along the others."""
    sizes = [size if axis in axes else 1 for axis, size in enumerate(shape)]
    return compressed(ids.reshape(sizes).expand(tuple(shape)))


def numbered(axes: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Positions along axes, which never move."""
    count = int(np.prod([shape[axis] for axis in axes], dtype=np.int64))
    return along(row(count), axes, shape)


def positions(shape: Sequence[int]) -> list[Tensor]:
    """For each axis, the positions along it."""
    return [numbered((axis,), shape) for axis, size in enumerate(shape) if size > 1]


def slice_colors(value: Tensor, axis: int) -> Tensor:
    """The same tag for equal slices of a constant: those may be exchanged."""
    slices = value.movedim(axis, 0).reshape(value.shape[axis], -1)
    if slices.numel() == 0 or bool((slices == slices[:1]).all()):
        return torch.zeros((), dtype=torch.int64).expand(value.shape)
    _, colors = np.unique(slices.contiguous().numpy(), axis=0, return_inverse=True)
    return along(FIRST_POSITION - torch.from_numpy(colors.reshape(-1)), (axis,), value.shape)


def padded_tags(tag: Tensor, axis: int, front: int, behind: int, filler: int) -> Tensor:
    """Tags with others in front and behind, or as they are where they do not change along the axis."""
    if axis not in varying(tag):
        sizes = list(tag.shape)
        sizes[axis] += front + behind
        return tag.narrow(axis, 0, 1).expand(sizes)
    widths = [0] * (2 * tag.dim())
    place = 2 * (tag.dim() - 1 - axis)
    widths[place], widths[place + 1] = front, behind
    return compressed(functional.pad(tag, widths, value=filler))


def aligned_tags(parts: Sequence[tuple[Sequence[int], list[Tensor]]]) -> list[list[Tensor]]:
    """Tags of several values side by side, those together that vary along the same axes."""
    columns: list[tuple[frozenset[int], list[Tensor | None]]] = []
    for number, (_, tags) in enumerate(parts):
        for tag in tags:
            for axes, column in columns:
                if axes == varying(tag) and column[number] is None:
                    column[number] = tag
                    break
            else:
                columns.append((varying(tag), [None] * len(parts)))
                columns[-1][1][number] = tag
    nothing = torch.tensor(ORIGIN)
    return [
        [
            nothing.expand(tuple(shape)) if tag is None else tag
            for (shape, _), tag in zip(parts, column, strict=True)
        ]
        for _, column in columns
    ]


def has_equal_constants(tags: Sequence[Tensor], axes: Sequence[int]) -> bool:
    """Whether tags that never move are the same at several places, which are no zeros around an image."""
    if not all(is_fixed(tag) for tag in tags) or any(bool((core(tag) == ANYTHING).any()) for tag in tags):
        return False
    slices = torch.cat(
        [_slices(tag, axes) for tag in tags],
        dim=1,
    )
    return len(np.unique(slices.numpy(), axis=0)) < len(slices)


def _slices(tag: Tensor, axes: Sequence[int]) -> Tensor:
    """One row for each place along axes."""
    others = tuple(axis for axis in range(tag.dim()) if axis not in axes)
    size = int(np.prod([tag.shape[axis] for axis in axes]))
    repeated = [axis for axis in others if axis not in varying(tag)]
    return narrowed(tag, repeated).permute(*axes, *others).reshape(size, -1)
