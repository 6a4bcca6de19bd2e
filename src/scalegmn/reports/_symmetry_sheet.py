"""Which parameters each family of channels moves, as a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.symmetry.discovery import ChannelFamily

from ._figures import SMALL, TEXT, TITLE, blank, new_figure
from ._palette import BLUE, GRAY, GREEN, INK, ORANGE, PALE

LARGEST: Final = 120
"""Rows or columns beyond are left out, and named as left out."""
# S_8 is written as S₈.
_INDICES: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_KINDS: Final = (("permutations", GREEN, "s"), ("scales", BLUE, "o"), ("signs", ORANGE, "D"))


def draw_symmetries(
    families: Sequence[ChannelFamily], parameters: Sequence[str], *, title: str = ""
) -> Figure:
    """One row per parameter, one column per family; marks say what acts there, numbers how much of it.

    Args:
        families: of a symmetry group, in the order of the network.
        parameters: names of all parameters, in the order of the network; unread ones have an empty row.
        title: above the picture.
    """
    shown, rows = list(families[:LARGEST]), list(parameters[:LARGEST])
    long = max((len(name) for name in rows), default=0)
    width = max(6.0, 2.2 + 0.085 * long + 0.34 * len(shown))
    figure = new_figure(width=width, height=max(3.4, 2.4 + 0.27 * len(rows)))
    axes = figure.add_subplot()
    blank(axes)
    for row in range(0, len(rows), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#F6F6F6", zorder=0)
    _draw_marks(axes, shown, rows)
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xlim(-0.6, max(len(shown), 1) - 0.4)
    axes.set_yticks(range(len(rows)), rows, fontsize=SMALL, color=INK)
    axes.set_xticks(
        range(len(shown)), [_size(family) for family in shown], fontsize=SMALL, color=INK, rotation=90
    )
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    axes.set_xlabel(_caption(len(families), len(parameters)), fontsize=TEXT, color=GRAY, labelpad=10)
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=12)
    marks = [
        Line2D([], [], color=color, marker=mark, linestyle="", label=kind) for kind, color, mark in _KINDS
    ]
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=3, frameon=False, fontsize=SMALL
    )
    return figure


def _draw_marks(axes: Axes, families: Sequence[ChannelFamily], rows: Sequence[str]) -> None:
    place = {name: row for row, name in enumerate(rows)}
    for column, family in enumerate(families):
        touched = [place[name] for name, _ in family.moved if name in place]
        if touched:
            axes.vlines(column, min(touched), max(touched), color=PALE, linewidth=1.2, zorder=1)
        kinds = [kind for kind in _KINDS if getattr(family, kind[0])]
        for index, (_, color, mark) in enumerate(kinds):
            shift = 0.17 * (index - (len(kinds) - 1) / 2)
            axes.scatter(
                [column + shift] * len(touched),
                touched,
                s=26,
                color=color,
                marker=mark,
                zorder=2,
                linewidths=0,
            )


def _size(family: ChannelFamily) -> str:
    notation = re.sub(r"_(\d+)", lambda number: number[1].translate(_INDICES), family.permutations)
    return notation or str(max(family.scales, family.signs))


def _caption(families: int, parameters: int) -> str:
    caption = "families of channels, with their size"
    left_out = [
        f"{number - LARGEST} {word} left out"
        for number, word in ((families, "families"), (parameters, "parameters"))
        if number > LARGEST
    ]
    return "; ".join([caption, *left_out])
