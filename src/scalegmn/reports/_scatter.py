"""Predicted numbers against true ones, of one model or of several side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scalegmn.errors import ScaleGMNError
from scalegmn.metrics import kendall_tau, r_squared
from scalegmn.reports._categories import OTHERS, Marker, draw_key, marks_of
from scalegmn.reports._figures import SMALL, TITLE, new_figure, tidy
from scalegmn.reports._palette import BLUE, GRAY, INK
from scalegmn.seeding import numpy_generator

_COLUMNS: Final = 3
_SIDE: Final = 4.3


class ScatterError(ScaleGMNError, ValueError):
    """Numbers cannot be drawn, or do not belong together."""


@dataclass(frozen=True, eq=False)
class ScatterPanel:
    """The predictions of one model.

    Attributes:
        title: what the model is called.
        true: ``(n,)``.
        predicted: ``(n,)``, in the same unit.
        categories: a word per network, which colors it; none for one color.
        caption: figures to write above the frame; none for Kendall's tau, R squared and the mean absolute
            error of these predictions.

    Raises:
        ScatterError: no numbers, other numbers of them, or some that are not finite.
    """

    title: str
    true: np.ndarray
    predicted: np.ndarray
    categories: Sequence[str] | None = None
    caption: Sequence[str] | None = None

    def __post_init__(self) -> None:
        count = len(self.true)
        lengths = [len(self.predicted)] + ([] if self.categories is None else [len(self.categories)])
        if not count or any(length != count for length in lengths):
            raise ScatterError(
                f"{self.title!r}: {count} true values with {lengths} predictions and categories; expected "
                "one of each per network, and at least one network"
            )
        if not (np.isfinite(self.true).all() and np.isfinite(self.predicted).all()):
            raise ScatterError(f"{self.title!r}: has values that are not finite; leave them out")


def draw_scatter(
    panels: Sequence[ScatterPanel],
    *,
    label: str = "accuracy",
    log: bool = False,
    category: str = "",
    title: str = "",
) -> Figure:
    """Panels in rows, with the same axes, the diagonal, and figures above them.

    Args:
        panels: one per model; their categories have the same colors everywhere.
        label: what was predicted.
        log: logarithmic axes; figures above the frames are then those of logarithms to base 10.
        category: what the categories are, above their key.
        title: above the picture.

    Raises:
        ScatterError: there are no panels, or numbers that have no logarithm.
    """
    if not panels:
        raise ScatterError("no panels to draw; give at least one model's predictions")
    low, high = _limits(panels, log=log)
    columns = 2 if len(panels) == 4 else min(len(panels), _COLUMNS)
    rows = math.ceil(len(panels) / columns)
    marks = marks_of([name for panel in panels for name in panel.categories or ()])
    figure = new_figure(width=_SIDE * columns + 0.7, height=(_SIDE + 0.4) * rows + 0.6)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for number, axes in enumerate(grid.flat):
        if number >= len(panels):
            axes.set_visible(False)
            continue
        below = number + columns >= len(panels)
        _draw_panel(axes, panels[number], marks, low=low, high=high, log=log)
        axes.tick_params(labelbottom=below)
        if below:
            axes.set_xlabel(f"true {label}", color=INK)
        if number % columns == 0:
            axes.set_ylabel(f"predicted {label}", color=INK)
    if marks:
        draw_key(figure, marks, title=category)
    figure.suptitle(title, fontsize=TITLE, color=INK)
    return figure


def _limits(panels: Sequence[ScatterPanel], *, log: bool) -> tuple[float, float]:
    """Ends of both axes: all values, and a little more."""
    values = np.concatenate([part for panel in panels for part in (panel.true, panel.predicted)])
    if log and values.min() <= 0:
        raise ScatterError(f"{values.min()} has no logarithm; expected numbers above 0, or log=False")
    low, high = (
        float(end)
        for end in (np.log10([values.min(), values.max()]) if log else (values.min(), values.max()))
    )
    margin = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    low, high = low - margin, high + margin
    return (10**low, 10**high) if log else (low, high)


def _draw_panel(
    axes: Axes, panel: ScatterPanel, marks: dict[str, Marker], *, low: float, high: float, log: bool
) -> None:
    tidy(axes)
    axes.set_title(panel.title, fontsize=TITLE, color=INK, loc="left", pad=20)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.plot([low, high], [low, high], color=GRAY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    names = panel.categories
    groups = {mark: np.ones(len(panel.true), bool) for mark in (Marker(BLUE, "o"),)}
    if names is not None:
        owned = np.array([name if name in marks else OTHERS for name in names])
        groups = {mark: owned == name for name, mark in marks.items()}
    _draw_points(axes, panel, groups)
    caption = panel.caption if panel.caption is not None else _caption(panel, log=log)
    # Above the frame, where no point can be.
    axes.text(
        0, 1.015, "    ".join(caption), transform=axes.transAxes, va="bottom", fontsize=SMALL, color=INK
    )


def _draw_points(axes: Axes, panel: ScatterPanel, groups: dict[Marker, np.ndarray]) -> None:
    """Points that thin out as they get more; categories take turns, so that none covers the others."""
    count = len(panel.true)
    size = float(np.clip(9000 / count, 7, 36))
    strength = float(np.clip(12 / math.sqrt(count), 0.3, 0.85))
    turns = 1 if len(groups) == 1 else 12
    turn = numpy_generator(0, "scatter").integers(turns, size=count)
    for number in range(turns):
        for mark, owned in groups.items():
            chosen = owned & (turn == number)
            if chosen.any():
                axes.scatter(
                    panel.true[chosen],
                    panel.predicted[chosen],
                    s=size,
                    c=mark.color,
                    marker=mark.shape,
                    alpha=strength,
                    linewidths=0,
                    zorder=2,
                )


def _caption(panel: ScatterPanel, *, log: bool) -> list[str]:
    true, predicted = (np.log10(part) if log else part for part in (panel.true, panel.predicted))
    tau, r2 = kendall_tau(true, predicted), r_squared(true, predicted)
    error = float(np.abs(true - predicted).mean())
    unit = " decades" if log else ""
    return [
        f"τ = {tau:.3f}" if tau is not None else "τ undefined",
        f"R² = {r2:.3f}" if r2 is not None else "R² undefined",
        f"mean error {error:.3g}{unit}",
    ]
