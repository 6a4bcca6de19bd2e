"""What commands print.  Lines repeat names of files, and words of files; they go through one place."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from scalegmn.errors import ScaleGMNError
from scalegmn.printable import printable

_LINE: Final = 2000


def say(line: str) -> None:
    """Print one line on the standard output; what is not fit for a terminal is escaped."""
    print(printable(line, limit=_LINE))


def say_all(text: str) -> None:
    """Print a text of several lines, such as JSON, whose maker has escaped what is from outside."""
    print(text)


def complain(line: str) -> None:
    """Print one line on the standard error stream; what is not fit for a terminal is escaped."""
    print(printable(line, limit=_LINE), file=sys.stderr, flush=True)


def complain_of(error: ScaleGMNError, *, who: str = "scalegmn") -> None:
    """Say what went wrong: one line, or where there are several errors, one line for each."""
    if len(error.problems) < 2:
        complain(f"{who}: error: {error}")
        return
    complain(f"{who}: error: {len(error.problems)} errors; nothing was done")
    for problem in error.problems:
        complain(f"  - {problem}")


@contextmanager
def printable_output() -> Iterator[None]:
    """Within this context, warnings of libraries are one escaped line each.

    They may repeat names out of files, and show the line of source that they come from.
    """
    before = warnings.formatwarning

    def formatted(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        return f"scalegmn: warning: {printable(str(message))}\n"

    warnings.formatwarning = formatted
    try:
        yield
    finally:
        warnings.formatwarning = before
