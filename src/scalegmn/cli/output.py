"""What commands print.  Lines repeat names of files, and words of files; they go through one place.

Results go to the standard output: :func:`say`.  Everything else goes to the standard error stream: remarks,
such as what was written where (:func:`tell`), and warnings and errors (:func:`complain`).  Where a report in
JSON is printed (:func:`say_report`), it has the standard output for itself.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, final

from scalegmn.cli.general_options import general_options
from scalegmn.errors import ScaleGMNError
from scalegmn.printable import printable

_LINE: Final = 2000


def shows_results() -> bool:
    """Whether results are printed for people: not beside a report, where the command is quiet."""
    options = general_options()
    return not (options.quiet and options.prints_report)


def say(line: str) -> None:
    """Print one line of a result; what is not fit for a terminal is escaped."""
    say_all(printable(line, limit=_LINE))


def say_all(text: str) -> None:
    """Print a result of several lines, whose maker has escaped what is from outside."""
    if shows_results():
        print(text, file=sys.stderr if general_options().prints_report else sys.stdout)


def say_report(text: str) -> None:
    """Print a report, such as JSON, on the standard output; its maker has escaped what is from outside."""
    print(text.rstrip("\n"))


def tell(line: str) -> None:
    """Print a remark, which is no result, on the standard error stream; nothing if the command is quiet."""
    if not general_options().quiet:
        complain(line)


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
    """Within this context, warnings of libraries are one escaped line each, and so is the log, if wanted.

    They may repeat names out of files, and show the line of source that they come from.
    """
    before = warnings.formatwarning
    verbose = general_options().verbose

    def formatted(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        place = f" ({category.__name__}, {filename}:{lineno})" if verbose else ""
        return f"scalegmn: warning: {printable(str(message))}{place}\n"

    warnings.formatwarning = formatted
    try:
        with _told_log() if verbose else _untold():
            yield
    finally:
        warnings.formatwarning = before


@contextmanager
def _untold() -> Iterator[None]:
    yield


@contextmanager
def _told_log() -> Iterator[None]:
    """Print the log of the library, and in the end how long the command took."""
    logger = logging.getLogger("scalegmn")
    handler, level = _Lines(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        handler.tell("done")
        logger.setLevel(level)
        logger.removeHandler(handler)


@final
class _Lines(logging.Handler):
    """Prints records of a log with the seconds since it was made, and with the part that they come from."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        part = ".".join(word for word in record.name.split(".")[1:] if not word.startswith("_"))
        self.tell(f"{part}: {record.getMessage()}" if part else record.getMessage())

    def tell(self, text: str) -> None:
        """Print one line with its time."""
        complain(f"{time.perf_counter() - self._start:8.3f} s  {text}")
