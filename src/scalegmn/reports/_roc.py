"""ROC curves: how many trojaned networks are found at which fraction of false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.errors import ScaleGMNError
from scalegmn.reports._figures import SMALL, TEXT, TITLE, new_figure, tidy
from scalegmn.reports._palette import COLORS, GRAY, INK

MARKED: Final = (0.01, 0.05)
"""Fractions of false alarms at which detectors are compared."""

# The second panel shows few false alarms, where the first one has a line's width for them.
_NEAR: Final = 0.1
_STYLES: Final[tuple[Literal["-", "--", ":"], ...]] = ("-", "--", ":")
_LETTERS: Final = 40


class RocError(ScaleGMNError, ValueError):
    """There are no curves, or numbers that are none."""


def draw_roc(curves: Mapping[str, np.ndarray], *, title: str = "") -> Figure:
    """Curves of one or several detectors: all of them on the left, where false alarms are few on the right.

    The area under each curve stands in the key, and lines mark 1 % and 5 % of false alarms.

    Args:
        curves: by the name of the detector, false and true positive rates in the first two columns, from
            (0, 0) to (1, 1) (:func:`scalegmn.metrics.roc_points`).
        title: above the picture.

    Raises:
        RocError: no curves, or one that does not run from (0, 0) to (1, 1).
    """
    if not curves:
        raise RocError("no curves to draw; give at least one detector's")
    for name, points in curves.items():
        ends = points[[0, -1], :2].tolist() if points.ndim == 2 and len(points) else None
        if ends != [[0.0, 0.0], [1.0, 1.0]]:
            raise RocError(f"the curve of {name!r} has the ends {ends}, expected (0, 0) and (1, 1)")
    figure = new_figure(width=9.4, height=5.0 + 0.22 * ((len(curves) + 1) // 2))
    left, right = figure.subplots(1, 2)
    looks = {
        name: (COLORS[number % len(COLORS)], _STYLES[number // len(COLORS) % len(_STYLES)])
        for number, name in enumerate(curves)
    }
    for axes, end, heading in ((left, 1.0, "All thresholds"), (right, _NEAR, "Few false alarms")):
        _draw_frame(axes, end, heading)
        for name, points in curves.items():
            color, style = looks[name]
            axes.plot(points[:, 0], points[:, 1], color=color, linestyle=style, linewidth=1.8, zorder=3)
    left.set_ylabel("trojaned networks that are found", color=INK)
    handles = [
        Line2D([], [], color=color, linestyle=style, linewidth=2, label=_label(name, curves[name]))
        for name, (color, style) in looks.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=2 if len(handles) > 1 else 1,
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
    )
    figure.suptitle(title, fontsize=TITLE, color=INK)
    return figure


def area_under(points: np.ndarray) -> float:
    """The area under a curve of straight lines between its points; that of a ROC curve is exact."""
    return float(np.trapezoid(points[:, 1], points[:, 0]))


def _draw_frame(axes: Axes, end: float, heading: str) -> None:
    tidy(axes)
    # Above the marks of the second panel.
    axes.set_title(heading, fontsize=TEXT, color=INK, loc="left", pad=20)
    margin = 0.01 * end
    axes.set(xlim=(-margin, end + margin), ylim=(-0.01, 1.01))
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    for share in MARKED:
        axes.axvline(share, color=GRAY, linewidth=1.0, zorder=2)
    if end < 1:
        for share in MARKED:
            axes.text(share, 1.015, f"{share:.0%}", color=INK, fontsize=SMALL, va="bottom", ha="center")
    axes.set_xlabel("clean networks that raise an alarm", color=INK)


def _label(name: str, points: np.ndarray) -> str:
    short = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
    return f"{short}: AUROC {area_under(points):.3f}"
