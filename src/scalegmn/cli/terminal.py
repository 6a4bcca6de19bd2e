"""Where tables are printed: as wide as a terminal, and without any limit where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from rich.console import Console

from scalegmn.cli.general_options import general_options
from scalegmn.cli.output import shows_results

# Wider than any table; lines are as long as what stands in them.
_UNLIMITED: Final = 1_000_000


def console() -> Console:
    """Where tables go: the standard output, unless a report in JSON is printed there.

    The width is that of ``COLUMNS`` if it is set, otherwise that of the terminal; files and pipes have
    none, so nothing that other programs may want to read is folded.  Only terminals get colors: ``NO_COLOR``
    turns them off there, and ``FORCE_COLOR`` on everywhere.
    """
    stream = sys.stderr if general_options().prints_report else sys.stdout
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        width = int(columns)
    elif stream is not None and stream.isatty():
        width = shutil.get_terminal_size().columns
    else:
        width = _UNLIMITED
    # With a height as well, rich does not ask anybody else for the width.
    return Console(
        file=stream, width=width, height=shutil.get_terminal_size().lines, quiet=not shows_results()
    )
