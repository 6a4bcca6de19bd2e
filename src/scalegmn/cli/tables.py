"""Printing tables."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as RichTable

from scalegmn.tasks.task import Table


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables on the standard output; shares with four digits."""
    console = Console()
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="left" if number == 0 else "right")
        for row in table.rows:
            shown.add_row(*(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row))
        console.print(shown)
