"""Losses on the line between two networks, before and after they were brought to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from scalegmn.errors import ScaleGMNError

from ._figures import SMALL, TEXT, TITLE, new_figure, tidy
from ._palette import COLORS, GRAY, INK

_LETTERS: Final = 40


class LineError(ScaleGMNError, ValueError):
    """There are no lines, or numbers that do not fit."""


@final
@dataclass(frozen=True, kw_only=True)
class LineCurve:
    """Networks on the line between two.

    Attributes:
        fractions: of the way, from 0 to 1.
        losses: one for each.
        errors: shares of wrong answers, one for each; none where there are no classes.
    """

    fractions: Sequence[float]
    losses: Sequence[float]
    errors: Sequence[float] = ()


def draw_lines(lines: Mapping[str, LineCurve], *, title: str = "") -> Figure:
    """Losses on the left, errors on the right where there are any; straight lines between ends are thin.

    Args:
        lines: by what was done to the networks.
        title: above the picture.

    Raises:
        LineError: no lines, or a line of two points or fewer, or of another number of losses or errors.
    """
    if not lines:
        raise LineError("no lines to draw; give at least one")
    for name, line in lines.items():
        count = len(line.fractions)
        if count < 3 or len(line.losses) != count or len(line.errors) not in (0, count):
            raise LineError(
                f"the line {name!r} has {count} points, {len(line.losses)} losses and {len(line.errors)} "
                "errors, expected three points or more, and one of each for every point"
            )
    panels = {"Loss": {name: line.losses for name, line in lines.items()}}
    errors = {name: line.errors for name, line in lines.items() if line.errors}
    if errors:
        panels["Errors"] = errors
    figure = new_figure(width=5.2 * len(panels), height=4.3 + 0.22 * ((len(lines) + 1) // 2))
    colors = {name: COLORS[number % len(COLORS)] for number, name in enumerate(lines)}
    for number, (heading, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), number)
        tidy(axes)
        axes.set_title(heading, fontsize=TEXT, color=INK, loc="left")
        for name, values in curves.items():
            _draw(axes, lines[name].fractions, values, colors[name])
        axes.set_xlabel("way from the first network to the second", color=INK)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        if heading == "Errors":
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    handles = [
        Line2D([], [], color=color, linewidth=2, label=name[:_LETTERS]) for name, color in colors.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 2),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
    )
    figure.suptitle(title, fontsize=TITLE, color=INK)
    return figure


def _draw(axes: Axes, fractions: Sequence[float], values: Sequence[float], color: str) -> None:
    axes.plot(
        [fractions[0], fractions[-1]],
        [values[0], values[-1]],
        color=GRAY,
        linewidth=0.9,
        linestyle=(0, (4, 3)),
    )
    axes.plot(fractions, values, color=color, linewidth=2, marker="o", markersize=3.5, clip_on=False)
