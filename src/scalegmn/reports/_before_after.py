"""A figure of several models before and after something was done to the networks that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.errors import ScaleGMNError

from ._figures import SMALL, TEXT, new_figure, tidy
from ._palette import COLORS, GRAY, INK

_MARKS: Final = ("o", "^", "s")
_SPREAD: Final = 0.3
_LETTERS: Final = 40
_MOST: Final = len(COLORS) * len(_MARKS)


class BeforeAfterError(ScaleGMNError, ValueError):
    """There is nothing to draw, or too much."""


@final
@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """One figure of one model.

    Attributes:
        name: of the model.
        before: the figure on the networks as they are; None where it is undefined.
        after: by what was done to the networks; None where the model cannot read them, or it is undefined.
    """

    name: str
    before: float | None
    after: Mapping[str, float | None]


def draw_before_after(models: Sequence[BeforeAfter], *, label: str, title: str = "") -> Figure:
    """A row per model: a line where its figure was, and a mark for what it is after each change.

    What a model cannot read stands as a gray cross at the left edge.

    Args:
        models: with the same changes, at most 18 of them.
        label: what the figure is called.
        title: above the picture.

    Raises:
        BeforeAfterError: no model has a figure, or changes differ from model to model, or are too many.
    """
    changes = list(models[0].after) if models else []
    known = [
        value for model in models for value in (model.before, *model.after.values()) if value is not None
    ]
    if not known or not changes or len(changes) > _MOST or any(list(m.after) != changes for m in models):
        raise BeforeAfterError(
            f"{len(models)} models with {len(known)} figures and the changes {', '.join(changes) or 'none'}; "
            f"expected one figure at least, and the same 1 to {_MOST} changes for all"
        )
    marks = {name: (COLORS[i % len(COLORS)], _MARKS[i // len(COLORS)]) for i, name in enumerate(changes)}
    rows = 1 + (len(changes) + 3) // 4
    figure = new_figure(width=9.2, height=1.6 + 0.62 * len(models) + 0.25 * rows)
    axes = figure.add_subplot()
    tidy(axes, title=title)
    axes.grid(visible=False, axis="y")
    low, high = min(known), max(known)
    margin = 0.06 * (high - low or 1.0)
    axes.set_xlim(low - 2 * margin, high + margin)
    for row, model in enumerate(models):
        _draw_row(axes, row, model, marks, edge=low - margin)
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.set_yticks(range(len(models)), [model.name[:_LETTERS] for model in models], fontsize=TEXT)
    axes.set_xlabel(label, color=INK)
    _draw_key(figure, marks, missing=any(None in model.after.values() for model in models))
    return figure


def _draw_row(
    axes: Axes, row: int, model: BeforeAfter, marks: Mapping[str, tuple[str, str]], *, edge: float
) -> None:
    if row:
        axes.axhline(row - 0.5, color="#EEEEEE", linewidth=0.8, zorder=0)
    if model.before is not None:
        axes.vlines(model.before, row - 0.42, row + 0.42, color=INK, linewidth=2, zorder=2)
    offsets = np.linspace(-_SPREAD, _SPREAD, len(marks)) if len(marks) > 1 else np.zeros(1)
    for offset, (name, (color, shape)) in zip(offsets, marks.items(), strict=True):
        value = model.after[name]
        if value is None:
            axes.scatter(edge, row + offset, s=22, color=GRAY, marker="x", linewidth=1, zorder=3)
            continue
        if model.before is not None:
            axes.plot([model.before, value], [row + offset] * 2, color=color, linewidth=1.2, zorder=1)
        axes.scatter(
            value, row + offset, s=34, color=color, marker=shape, edgecolor="white", linewidth=0.6, zorder=3
        )


def _draw_key(figure: Figure, marks: Mapping[str, tuple[str, str]], *, missing: bool) -> None:
    keys = {"as they are": Line2D([], [], linestyle="none", marker="|", color=INK, markersize=12, mew=2)}
    for name, (color, shape) in marks.items():
        keys[name[:_LETTERS]] = Line2D([], [], linestyle="none", marker=shape, color=color, markersize=6)
    if missing:
        keys["cannot read it"] = Line2D([], [], linestyle="none", marker="x", color=GRAY, markersize=6)
    figure.legend(
        keys.values(), keys.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=SMALL
    )
