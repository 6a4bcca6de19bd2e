"""A progress bar for work on networks that is done by several threads or processes."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def has_terminal() -> bool:
    """Whether the standard error stream is a terminal, on which a bar can move."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextlib.contextmanager
def progress_bar(
    title: str, *, total: int, done: int = 0, show: bool = True
) -> Iterator[Callable[[int | float], None]]:
    """A bar on the standard error stream.

    Args:
        title: what is being done.
        total: of what is counted.
        done: how much of it was done before.
        show: False for no output at all; nor is there any where the stream is no terminal.

    Yields:
        A function, safe to call from any thread, that is told how much was done since the last call;
        fractions are welcome.
    """
    if not (show and has_terminal()):
        # A bar of rich that is turned off still ends a line in versions before 15.
        yield lambda amount: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, completed=done, rate="")
        lock = threading.Lock()
        progress = float(done)

        def advance(amount: int | float) -> None:
            nonlocal progress
            with lock:
                progress += amount
                speed = bar.tasks[0].speed
                rate = f"{speed:.1f} a second" if speed else ""
                bar.update(task, completed=round(progress), rate=rate)

        yield advance
