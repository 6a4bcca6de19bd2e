"""Printing tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from scalegmn.printable import printable
from scalegmn.tasks.task import Table


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables on the standard output; shares with four digits, words from outside escaped."""
    console = Console()
    for table in tables:
        shown = RichTable(title=_text(table.title), title_justify="left")
        for number, column in enumerate(table.columns):
            shown.add_column(_text(column), justify="left" if number == 0 else "right")
        for row in table.rows:
            shown.add_row(*map(_text, row))
        console.print(shown)


def _text(value: str | int | float) -> Text:
    """Text of users is text, not markup of rich, and no escape sequence either."""
    return Text(f"{value:.4f}" if isinstance(value, float) else printable(str(value)))
