"""Repairs side by side: what is left of the attack against what is left of the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.errors import ScaleGMNError
from scalegmn.reports import COLORS, GRAY, INK, SMALL, TEXT, new_figure, tidy

_FREE: Final = "D"
_GIVEN: Final = "o"

Interval = tuple[float, float]


class RepairPictureError(ScaleGMNError, ValueError):
    """There is nothing to draw."""


@final
@dataclass(frozen=True)
class RepairPoint:
    """One repair.

    Attributes:
        method: its name; points of one name are joined.
        images: clean images it was given; 0 for a data-free one.
        asr, c_acc: means after the repair, from 0 to 1.
        asr_interval, c_acc_interval: 95 % intervals of these; None for no bars.
        reference: what others are compared with, such as no repair; gray.
    """

    method: str
    images: int
    asr: float
    c_acc: float
    asr_interval: Interval | None = None
    c_acc_interval: Interval | None = None
    reference: bool = False


def draw_repairs(points: Sequence[RepairPoint], *, title: str = "") -> Figure:
    """Accuracy on clean images against the attack success rate, both after the repair, in per cent.

    The best repair is at the top left.  Data-free repairs are diamonds; others are discs with the number of
    images that they were given, joined where one method was given several.

    Raises:
        RepairPictureError: there are no points.
    """
    if not points:
        raise RepairPictureError("no repairs to draw; give at least one point")
    figure = new_figure(width=9.6, height=5.6)
    axes = figure.add_subplot()
    tidy(axes, title=title)
    names = list(dict.fromkeys(point.method for point in points))
    colored = [name for name in names if not any(p.reference for p in points if p.method == name)]
    keys: dict[str, Line2D] = {}
    for name in names:
        own = sorted((point for point in points if point.method == name), key=lambda point: point.images)
        place = colored.index(name) if name in colored else None
        color = GRAY if place is None else COLORS[place % len(COLORS)]
        # Beyond the colors there are, once more with open marks.
        is_open = place is not None and place >= len(COLORS)
        _draw_method(axes, own, color=color, is_open=is_open)
        keys[name] = Line2D(
            [],
            [],
            color=color,
            linestyle="none",
            marker=_FREE if own[0].images == 0 else _GIVEN,
            markerfacecolor="white" if is_open else color,
            markersize=8,
        )
    axes.set_xlabel("attack success rate after repair, % (smaller is better)", color=INK)
    axes.set_ylabel("accuracy on clean images after repair, % (larger is better)", color=INK)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.margins(0.08)
    _draw_key(figure, keys)
    return figure


def _draw_method(axes: Axes, points: Sequence[RepairPoint], *, color: str, is_open: bool) -> None:
    x, y = [100 * point.asr for point in points], [100 * point.c_acc for point in points]
    if len(points) > 1:
        axes.plot(x, y, color=color, linewidth=1.2, alpha=0.6, zorder=2)
    for point, across, up in zip(points, x, y, strict=True):
        axes.errorbar(
            across,
            up,
            xerr=_bar(point.asr, point.asr_interval),
            yerr=_bar(point.c_acc, point.c_acc_interval),
            color=color,
            ecolor=color,
            elinewidth=1,
            alpha=0.45,
            zorder=1,
        )
        axes.plot(
            across,
            up,
            marker=_GIVEN if point.images else _FREE,
            # Larger, because methods that do nothing lie on it.
            markersize=14 if point.reference else 9,
            color=color,
            markerfacecolor="white" if is_open else color,
            linestyle="none",
            zorder=2.5 if point.reference else 3,
        )
        if point.images:
            axes.annotate(
                f"{point.images:,}",
                (across, up),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=SMALL - 1.5,
                color=color,
                zorder=4,
            )


def _bar(value: float, interval: Interval | None) -> list[list[float]] | None:
    """Distances to the ends, in per cent, as matplotlib takes them."""
    if interval is None:
        return None
    return [[max(0.0, 100 * (value - interval[0]))], [max(0.0, 100 * (interval[1] - value))]]


def _draw_key(figure: Figure, keys: dict[str, Line2D]) -> None:
    key = figure.legend(
        keys.values(),
        keys.keys(),
        loc="outside right upper",
        frameon=False,
        fontsize=SMALL,
        title="◆ data-free\n● given clean images\n(their number beside)",
        title_fontsize=SMALL,
        alignment="left",
    )
    key.get_title().set_color(INK)
    for text in key.get_texts():
        text.set_color(INK)
        text.set_fontsize(min(TEXT, SMALL))
