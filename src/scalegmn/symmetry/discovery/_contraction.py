"""The axes of a contraction: those that stay, then those that are summed over."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def contraction_axes(
    x: Sequence[int],
    y: Sequence[int],
    *,
    x_axes: Sequence[int],
    y_axes: Sequence[int],
    out_axes: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Names and sizes of all axes of a contraction, those that stay first.

    Args:
        x, y: shapes of the factors, which may be 1 along an axis where the other one is not.
        x_axes, y_axes: names of their axes.
        out_axes: names of the axes that stay.
    """
    summed = [name for name in dict.fromkeys((*x_axes, *y_axes)) if name not in out_axes]
    order = (*out_axes, *summed)
    sizes = dict.fromkeys(order, 1)
    for name, size in zip((*x_axes, *y_axes), (*x, *y), strict=True):
        sizes[name] = max(sizes[name], size)
    return order, tuple(sizes[name] for name in order)


def arranged(x: Tensor, axes: Sequence[int], order: Sequence[int]) -> Tensor:
    """A factor with its axes in an order, and new ones of size 1 where it has none."""
    present = [axes.index(name) for name in order if name in axes]
    index = tuple(slice(None) if name in axes else None for name in order)
    return x.permute(present)[index]
