"""A population as points in the plane, colored by what is known about its networks."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from scalegmn.errors import ScaleGMNError
from scalegmn.reports._categories import OTHERS, draw_key, marks_of
from scalegmn.reports._figures import TEXT, TITLE, new_figure, tidy_bar
from scalegmn.reports._palette import BLUE, GRAY, INK
from scalegmn.seeding import numpy_generator

# Dark to bright, readable without color and with every common kind of color vision.
_SCALE: Final = "viridis"
# Whole numbers of so few kinds are categories.
_FEW: Final = 12
# A logarithmic scale is for numbers whose largest is so many times their smallest ...
_SPAN: Final = 30
# ... and of which half lie in so small a part of their range.
_CROWDED: Final = 0.2


class EmbeddingPictureError(ScaleGMNError, ValueError):
    """Points and values do not belong together."""


def draw_embedding(
    points: np.ndarray,
    values: np.ndarray | None = None,
    *,
    name: str = "",
    title: str = "",
    axis_names: tuple[str, str] = ("", ""),
) -> Figure:
    """One point per network.

    Numbers are shown by a color bar.  It is logarithmic where all are positive, the largest is at least 30
    times the smallest, and half of them lie in the lowest fifth of their range, as learning rates do.
    Words, truth values, and whole numbers of at most twelve kinds get a color and a mark each.  What is
    missing (NaN, an empty word) is gray.

    Args:
        points: ``(n, 2)``.
        values: ``(n,)``, a column of the population; none for one color.
        name: of the column.
        title: above the picture.
        axis_names: of the two directions.

    Raises:
        EmbeddingPictureError: no points, points that are not finite, or another number of values.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise EmbeddingPictureError(f"points of shape {points.shape}, expected (n, 2) with at least one")
    if not np.isfinite(points).all():
        raise EmbeddingPictureError("there are points that are not finite; leave them out")
    if values is not None and values.shape != (len(points),):
        raise EmbeddingPictureError(
            f"values of shape {values.shape} for {len(points)} points, expected one per point"
        )
    figure = new_figure(width=7.2, height=6.2)
    axes = figure.add_subplot()
    _frame(axes, title=title, axis_names=axis_names)
    if values is None:
        _points(axes, points, color=BLUE, count=len(points))
    elif is_scale(values):
        _draw_scale(figure, axes, points, values.astype(np.float64), name)
    else:
        _draw_categories(figure, axes, points, [_word(value) for value in values.tolist()], name)
    return figure


def is_scale(values: np.ndarray) -> bool:
    """Whether values are numbers of a scale, not categories."""
    if values.dtype.kind == "f":
        return True
    return values.dtype.kind in "iu" and len(np.unique(values)) > _FEW


def is_logarithmic(values: np.ndarray) -> bool:
    """Whether finite numbers need a logarithmic scale; see :func:`draw_embedding`."""
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() <= 0 or finite.max() / finite.min() < _SPAN:
        return False
    return bool(np.median(finite) - finite.min() < _CROWDED * (finite.max() - finite.min()))


def _frame(axes: Axes, *, title: str, axis_names: tuple[str, str]) -> None:
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=10)
    # The directions have no unit; only distances mean something, and the same in both.
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(axis_names[0], fontsize=TEXT, color=INK)
    axes.set_ylabel(axis_names[1], fontsize=TEXT, color=INK)
    for spine in axes.spines.values():
        spine.set_color("#BBBBBB")
    axes.margins(0.04)


def _draw_scale(figure: Figure, axes: Axes, points: np.ndarray, values: np.ndarray, name: str) -> None:
    known = np.isfinite(values)
    if not known.all():
        _points(axes, points[~known], color=GRAY, count=len(points))
    if not known.any():
        return
    ends = float(values[known].min()), float(values[known].max())
    norm = LogNorm(*ends) if is_logarithmic(values) else Normalize(*ends)
    # In random order, so that late networks do not cover early ones.
    order = numpy_generator(0, "embedding").permutation(np.flatnonzero(known))
    drawn = axes.scatter(
        points[order, 0],
        points[order, 1],
        c=values[order],
        cmap=_SCALE,
        norm=norm,
        s=_size(len(points)),
        alpha=0.85,
        linewidths=0,
    )
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, aspect=32)
    tidy_bar(bar, label=name)


def _draw_categories(figure: Figure, axes: Axes, points: np.ndarray, words: list[str], name: str) -> None:
    marks = marks_of(words)
    owned = np.array([word if word in marks else OTHERS for word in words])
    # In turns, so that no category covers the others.
    turn = numpy_generator(0, "embedding").integers(12, size=len(points))
    for number in range(12):
        for word, mark in marks.items():
            chosen = (owned == word) & (turn == number)
            if chosen.any():
                _points(axes, points[chosen], color=mark.color, shape=mark.shape, count=len(points))
    draw_key(figure, marks, title=name)


def _points(axes: Axes, points: np.ndarray, *, color: str, count: int, shape: str = "o") -> None:
    axes.scatter(points[:, 0], points[:, 1], c=color, marker=shape, s=_size(count), alpha=0.7, linewidths=0)


def _size(count: int) -> float:
    """Size of a point, by the number of points."""
    return float(np.clip(30000 / count, 10, 45))


def _word(value: object) -> str:
    return "" if value is None else str(value)
