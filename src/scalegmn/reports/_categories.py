"""Colors and marks of categories in scatter plots, and the key that explains them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalegmn.reports._figures import TEXT
from scalegmn.reports._palette import COLORS, GRAY, INK

OTHERS: Final = "others"
"""What categories are called that have no mark of their own."""

# Colors repeat with other marks, so that no two categories look the same.
_MARKS: Final = ("o", "^", "s")
_MOST: Final = len(COLORS) * len(_MARKS)
# Of the key, in inches: a mark with the space around it, and a letter.
_ENTRY: Final = 0.6
_LETTER: Final = 0.09
_LETTERS: Final = 32


@dataclass(frozen=True)
class Marker:
    """How the points of a category look."""

    color: str
    shape: str


def marks_of(categories: Sequence[str]) -> dict[str, Marker]:
    """A mark for every category, in the order in which the key names them.

    Words are sorted, numbers by their size.  Of more than 18 categories, the most frequent 17 have marks of
    their own and the rest is gray and called ``others``.
    """
    counts = Counter(categories)
    names = sorted(counts, key=_order)
    if len(names) > _MOST:
        frequent = {name for name, _ in counts.most_common(_MOST - 1)}
        names = [name for name in names if name in frequent]
    marks = {
        name: Marker(COLORS[number % len(COLORS)], _MARKS[number // len(COLORS)])
        for number, name in enumerate(names)
    }
    if len(names) < len(counts):
        marks[OTHERS] = Marker(GRAY, "o")
    return marks


def draw_key(figure: Figure, marks: dict[str, Marker], *, title: str) -> None:
    """Explain the marks below a figure, in as many rows as its width makes necessary."""
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=mark.shape,
            color=mark.color,
            markersize=7,
            label=_shortened(name),
        )
        for name, mark in marks.items()
    ]
    longest = max(len(_shortened(name)) for name in marks)
    columns = int((figure.get_figwidth() - 0.3) / (_ENTRY + _LETTER * longest))
    columns = max(1, min(columns, len(handles)))
    legend = figure.legend(
        # Legends are filled column by column; read row by row, entries are in order.
        handles=[handle for start in range(columns) for handle in handles[start::columns]],
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=TEXT,
        labelcolor=INK,
        handletextpad=0.2,
        columnspacing=1.8,
        title=title,
        title_fontsize=TEXT,
    )
    legend.get_title().set_color(INK)


def _shortened(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"


def _order(name: str) -> tuple[float, str]:
    """Numbers by size before words by letters."""
    try:
        return float(name), name
    except ValueError:
        return float("inf"), name
