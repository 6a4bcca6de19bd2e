"""What every epoch brought, as ``metrics.csv``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import final

from scalegmn.csv_text import csv_text
from scalegmn.training._files import write_text

Row = dict[str, float | int]


@final
class History:
    """One row per epoch, rewritten whole after each.

    Lightning's own CSV logger starts a new file when a training is resumed; this one goes on, and drops
    what was written after the checkpoint from which the training goes on.

    Args:
        path: of the file.
        tell: is given one line of text per epoch.
    """

    def __init__(self, path: Path, *, tell: Callable[[str], None] | None = None) -> None:
        self.path, self._tell = path, tell
        self.rows: list[Row] = []

    def add(self, row: Row, *, write: bool = True) -> None:
        """Append a row, and write the file (one process of several does)."""
        self.rows = [*self.rows, row]
        if write:
            names = list(row)
            write_text(self.path, csv_text([names, *([one.get(n, "") for n in names] for one in self.rows)]))
            if self._tell is not None:
                self._tell(_line(row))


def _line(row: Row) -> str:
    numbers = [f"{name} {value:.4f}" for name, value in row.items() if "/" in name]
    return f"epoch {row['epoch']}: {', '.join(numbers)}, {row['seconds']:.1f} s"
