"""A table of results, for the terminal, for documents and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from scalegmn.csv_text import csv_text
from scalegmn.errors import ScaleGMNError
from scalegmn.printable import printable


class TableError(ScaleGMNError, ValueError):
    """The cells of a table do not fit its columns."""


@dataclass(frozen=True)
class ResultTable:
    """Cells of text in rows.

    Attributes:
        columns: headings.
        rows: as many cells each.
        title: above the table.
        words: the cells are words; otherwise all columns but the first are set to the right, as numbers are.

    Raises:
        TableError: a row has more or fewer cells than there are columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    words: bool = False

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise TableError(
                    f"row {number} of the table {self.title!r} has {len(row)} cells {row}, expected "
                    f"{len(self.columns)}, one for each of {self.columns}"
                )

    @classmethod
    def from_values(
        cls, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = ""
    ) -> ResultTable:
        """A table of anything, by its text."""
        cells = tuple(tuple(str(cell) for cell in row) for row in rows)
        return cls(tuple(columns), cells, title)

    def to_rich(self) -> Table:
        """For a terminal; what is not fit for one is escaped."""
        title = Text(printable(self.title), style="bold") if self.title else None
        table = Table(title=title, title_justify="left")
        for number, column in enumerate(self.columns):
            left = number == 0 or self.words
            table.add_column(Text(printable(column)), justify="left" if left else "right", overflow="fold")
        for row in self.rows:
            # Text of users is text, not markup.
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table

    def to_markdown(self) -> str:
        """For documents: columns of equal width, so that the source can be read too."""
        lines = [
            [printable(cell.replace("\n", " ")).replace("|", r"\|") for cell in row]
            for row in (self.columns, *self.rows)
        ]
        widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(self.columns))]

        left = [number == 0 or self.words for number in range(len(self.columns))]

        def joined(cells: Sequence[str]) -> str:
            padded = [
                cell.ljust(width) if is_left else cell.rjust(width)
                for cell, width, is_left in zip(cells, widths, left, strict=True)
            ]
            return "| " + " | ".join(padded) + " |"

        rule = ["-" * (w - 1) + ("-" if is_left else ":") for w, is_left in zip(widths, left, strict=True)]
        text = "\n".join([joined(lines[0]), joined(rule), *map(joined, lines[1:])])
        return (f"**{printable(self.title)}**\n\n" if self.title else "") + text + "\n"

    def to_csv(self) -> str:
        """For other programs; the title is left out."""
        return csv_text((self.columns, *self.rows))


def percent(value: float, interval: tuple[float, float] | None = None) -> str:
    """A share as ``87.5 %``, or with its interval as ``87.5 % (84.0 to 90.4)``."""
    text = f"{100 * value:.1f} %"
    return text if interval is None else f"{text} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def seconds(value: float) -> str:
    """A duration as ``7.3 s``, or from two minutes on as ``2 min 05 s``."""
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"
