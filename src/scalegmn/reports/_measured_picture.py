"""Figures with their uncertainty against a number: sizes of training sets, or bins of a column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from scalegmn.errors import ScaleGMNError
from scalegmn.reports._figures import SMALL, new_figure, tidy
from scalegmn.reports._palette import COLORS, INK

_STYLES: Final = ("-", "--", ":")
_LETTERS: Final = 40
# Lines with one x would hide each other's bars: so far apart, in shares of the width.
_APART: Final = 0.006
# Between names beside lines, in shares of the height.
_BETWEEN: Final = 0.062


class MeasuredLineError(ScaleGMNError, ValueError):
    """There is nothing to draw, or numbers that do not fit."""


@final
@dataclass(frozen=True, kw_only=True)
class MeasuredLine:
    """Points with bars.

    Attributes:
        places: where they stand on the horizontal axis, ascending.
        values: one for each; None where there is none.
        bars: lower and upper end for each; None for no bar.
    """

    places: Sequence[float]
    values: Sequence[float | None]
    bars: Sequence[tuple[float, float] | None]


def draw_measured(
    lines: Mapping[str, MeasuredLine],
    *,
    label: str,
    figure_label: str,
    title: str = "",
    ratios: bool = False,
) -> Figure:
    """One line per name, a dot for every value and a bar for its uncertainty.

    Args:
        lines: by name.
        label: of the horizontal axis.
        figure_label: of the vertical one.
        title: above the picture.
        ratios: equal factors are equally far apart, and every place has its number.

    Raises:
        MeasuredLineError: no line has a value, or a line has not one value and bar for each place.
    """
    _check(lines)
    # Where colors repeat, a key is a puzzle: names stand beside the ends of their lines.
    beside = len(lines) > len(COLORS)
    figure = new_figure(
        width=10.2 if beside else 8.2,
        height=max(4.6, 0.36 * len(lines)) if beside else 4.6 + 0.22 * ((len(lines) + 1) // 2),
    )
    axes = figure.add_subplot()
    tidy(axes, title=title)
    places = sorted({place for line in lines.values() for place in line.places})
    if ratios:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks(places, [f"{place:g}" for place in places])
    ends: list[tuple[float, float, str, str]] = []
    for number, (name, line) in enumerate(lines.items()):
        offset = number - (len(lines) - 1) / 2
        points = [
            (_moved(place, places, offset, ratios), value, bar)
            for place, value, bar in zip(line.places, line.values, line.bars, strict=True)
            if value is not None
        ]
        color, style = COLORS[number % len(COLORS)], _STYLES[number // len(COLORS) % len(_STYLES)]
        short = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
        across, up = [point[0] for point in points], [point[1] for point in points]
        axes.plot(across, up, color=color, linestyle=style, linewidth=1.6, marker="o", ms=5, label=short)
        ends += [(across[-1], up[-1], short, color)] if points else []
        for place, _, bar in points:
            if bar is not None:
                axes.vlines(place, *bar, color=color, linewidth=1.4, alpha=0.7)
    axes.set_xlabel(label, color=INK)
    axes.set_ylabel(figure_label, color=INK)
    if beside:
        _name_ends(axes, ends)
    elif len(lines) > 1:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=SMALL, labelcolor=INK)
    return figure


def _check(lines: Mapping[str, MeasuredLine]) -> None:
    for name, line in lines.items():
        counts = len(line.places), len(line.values), len(line.bars)
        if len(set(counts)) > 1 or not all(map(math.isfinite, line.places)):
            raise MeasuredLineError(
                f"the line {name!r} has {counts[0]} places, {counts[1]} values and {counts[2]} bars, "
                "expected finite places with one of each"
            )
    if not any(value is not None for line in lines.values() for value in line.values):
        raise MeasuredLineError("no line has a value; nothing can be drawn")


def _name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names at the right, each at the height of the end of its line or as near to it as others allow."""
    low, high = axes.get_ylim()
    ends = sorted(ends, key=lambda end: end[1])
    wanted = np.array([(end[1] - low) / (high - low) for end in ends])
    step = min(_BETWEEN, 1 / max(1, len(ends) - 1))
    # Neighbors push each other up, or down; half way between the two they are as far apart.
    ladder = step * np.arange(len(ends))
    up = np.maximum.accumulate(wanted - ladder) + ladder
    down = np.minimum.accumulate((wanted - ladder)[::-1])[::-1] + ladder
    heights = (up + down) / 2
    for (x, y, name, color), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (x, y),
            (1.04, float(height)),
            textcoords="axes fraction",
            va="center",
            fontsize=SMALL,
            color=INK,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.8,
                "alpha": 0.6,
                "shrinkB": 4,
                "relpos": (0, 0.5),
            },
        )


def _moved(place: float, places: Sequence[float], offset: float, ratios: bool) -> float:
    """A little aside, so that bars of several lines can be told apart."""
    if ratios:
        return place * (places[-1] / places[0]) ** (_APART * offset)
    return place + _APART * offset * (places[-1] - places[0])
