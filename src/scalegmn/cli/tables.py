"""Printing tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table as RichTable
from rich.text import Text

from scalegmn.cli.terminal import console
from scalegmn.printable import printable
from scalegmn.training import Table


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables on the standard output; shares with four digits, words from outside escaped."""
    output = console()
    for table in tables:
        shown = RichTable(title=_text(table.title, style="italic"), title_justify="left")
        for number, column in enumerate(table.columns):
            words = number == 0 or any(_is_word(row[number]) for row in table.rows)
            # What does not fit goes on in the next line: an ellipsis would take digits away.
            shown.add_column(_text(column), justify="left" if words else "right", overflow="fold")
        for row in table.rows:
            shown.add_row(*map(_text, row))
        output.print(shown)


def _is_word(value: str | int | float) -> bool:
    """Names stand to the left; numbers, signs for no number, and texts such as ``16 x 2`` to the right."""
    return isinstance(value, str) and value[:1] not in {"", *"+-0123456789"}


def _text(value: str | int | float, style: str = "") -> Text:
    """Text of users is text, not markup of rich, and no escape sequence either."""
    return Text(f"{value:.4f}" if isinstance(value, float) else printable(str(value)), style=style)
