"""Families of networks as trees, one row per network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.errors import ScaleGMNError
from scalegmn.printable import printable

from ._figures import SMALL, TITLE, blank, new_figure
from ._palette import BLUE, COLORS, GRAY, INK, ORANGE

LARGEST: Final = 120
"""Rows beyond are left out, and counted."""
_STEP: Final = 0.35
_ROOT: Final = BLUE


class LineagePictureError(ScaleGMNError, ValueError):
    """Parents make no trees."""


@final
@dataclass(frozen=True, kw_only=True)
class TreeRow:
    """A network in the picture of its family.

    Attributes:
        name: of the network.
        parent: place of its parent among all rows; None for a root.
        evidence: why it is the child, a word; empty for a root.
        note: to the right of the name.
    """

    name: str
    parent: int | None = None
    evidence: str = ""
    note: str = ""


def draw_lineage(rows: Sequence[TreeRow], *, title: str = "") -> Figure:
    """Trees from top to bottom, children below their parents and to the right of them.

    Args:
        rows: networks, in any order.
        title: above the picture.

    Raises:
        LineagePictureError: a parent is no other row, or rows descend from each other.
    """
    order = tree_order([row.parent for row in rows])
    shown = order[:LARGEST]
    words = sorted({rows[place].evidence for place, _ in shown} - {""})
    colors = {word: COLORS[1 + number % (len(COLORS) - 1)] for number, word in enumerate(words)}
    deepest = max((depth for _, depth in shown), default=0)
    long = max((len(rows[place].name) + len(rows[place].note) + 2 for place, _ in shown), default=10)
    width = max(6.0, 1.0 + _STEP * deepest + 0.085 * long)
    figure = new_figure(width=width, height=max(2.6, 1.6 + 0.27 * len(shown)))
    axes = figure.add_subplot()
    blank(axes)
    _draw_rows(axes, rows, shown, colors)
    axes.set_ylim(len(shown) - 0.3, -0.7)
    axes.set_xlim(-0.3, width - 0.6)
    left = len(order) - len(shown)
    heading = f"{title}\nand {left} more networks" if left else title
    axes.set_title(heading, fontsize=TITLE, color=INK, loc="left", pad=10)
    marks = [Line2D([], [], color=_ROOT, marker="s", linestyle="", label="no parent found")]
    marks += [Line2D([], [], color=color, marker="o", label=word) for word, color in colors.items()]
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(0, -0.01), ncols=3, frameon=False, fontsize=SMALL
    )
    return figure


def tree_order(parents: Sequence[int | None]) -> list[tuple[int, int]]:
    """Places and depths, each tree together, from its root on.

    Args:
        parents: of each row, by place.

    Raises:
        LineagePictureError: a parent is no other row, or rows descend from each other.

    Example:
        >>> from scalegmn.reports import tree_order
        >>> tree_order([2, None, None, 0])
        [(1, 0), (2, 0), (0, 1), (3, 2)]
    """
    children: dict[int | None, list[int]] = {}
    for place, parent in enumerate(parents):
        if parent is not None and not 0 <= parent < len(parents):
            raise LineagePictureError(
                f"row {place} has the parent {parent}, expected one of {len(parents)} rows; give its place"
            )
        children.setdefault(parent, []).append(place)
    found: list[tuple[int, int]] = []
    waiting = [(place, 0) for place in reversed(children.get(None, []))]
    while waiting:
        place, depth = waiting.pop()
        found.append((place, depth))
        waiting.extend((child, depth + 1) for child in reversed(children.get(place, [])))
    if len(found) < len(parents):
        raise LineagePictureError(
            f"{len(parents) - len(found)} rows descend from themselves, expected trees; give roots no parent"
        )
    return found


def _draw_rows(
    axes: Axes, rows: Sequence[TreeRow], shown: Sequence[tuple[int, int]], colors: dict[str, str]
) -> None:
    heights = {place: height for height, (place, _) in enumerate(shown)}
    for height, (place, depth) in enumerate(shown):
        row = rows[place]
        color, x = colors.get(row.evidence, _ROOT if row.parent is None else ORANGE), _STEP * depth
        if row.parent is not None:
            above = _STEP * (depth - 1)
            axes.plot(
                [above, above, x], [heights[row.parent], height, height], color=color, linewidth=1.3, zorder=1
            )
        marker = "s" if row.parent is None else "o"
        axes.scatter([x], [height], s=34, color=color, marker=marker, zorder=2, linewidths=0)
        axes.annotate(
            printable(row.name),
            (x, height),
            xytext=(8, 0),
            textcoords="offset points",
            fontsize=SMALL,
            color=INK,
            va="center",
            parse_math=False,
        )
        if row.note:
            axes.annotate(
                printable(row.note),
                (1.0, height),
                xycoords=("axes fraction", "data"),
                fontsize=SMALL,
                color=GRAY,
                va="center",
                ha="right",
                parse_math=False,
            )
