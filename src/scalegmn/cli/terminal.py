"""The standard output for tables: as wide as a terminal, and without any limit where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from rich.console import Console

# Wider than any table; lines are as long as what stands in them.
_UNLIMITED: Final = 1_000_000


def console() -> Console:
    """The standard output for tables.

    The width is that of ``COLUMNS`` if it is set, otherwise that of the terminal; files and pipes have
    none, so nothing that other programs may want to read is folded.  ``NO_COLOR`` turns colors off.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        width = int(columns)
    elif sys.stdout is not None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    else:
        width = _UNLIMITED
    # With a height as well, rich does not ask anybody else for the width.
    return Console(width=width, height=shutil.get_terminal_size().lines)
