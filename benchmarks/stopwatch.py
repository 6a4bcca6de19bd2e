"""Where the processor time of a program goes, by functions that are watched."""

from __future__ import annotations

import contextlib
import functools
import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

# Functions to watch, by owner and attribute, under the name at which their time is counted.
Places = dict[str, list[tuple[Any, str]]]


class Stopwatch:
    """Processor seconds by name; what is spent in a watched function that another one calls counts once.

    For programs that do one thing at a time: the clock is that of the whole process.

    Args:
        whole: names that also count what watched functions inside them take.
    """

    def __init__(self, *, whole: tuple[str, ...] = ()) -> None:
        self._whole = whole
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    @contextlib.contextmanager
    def watch(self, name: str) -> Iterator[None]:
        """Count what happens inside under a name."""
        if self._running and self._running[-1] in self._whole:
            name = self._running[-1]
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def _switch(self) -> None:
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    @contextlib.contextmanager
    def watching(self, places: Places) -> Iterator[None]:
        """Watch functions while inside."""
        with contextlib.ExitStack() as stack:
            for name, functions in places.items():
                for owner, attribute in functions:
                    own = inspect.getattr_static(owner, attribute)
                    timed = self._timed(name, own.__func__ if isinstance(own, staticmethod) else own)
                    new = staticmethod(timed) if isinstance(own, staticmethod) else timed
                    stack.enter_context(mock.patch.object(owner, attribute, new))
            yield

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.watch(name):
                return function(*args, **kwargs)

        return timed

    def table(self) -> str:
        """Names, seconds and shares, the largest first, as a table of Markdown."""
        total = sum(self.seconds.values())
        rows = sorted(self.seconds.items(), key=lambda item: -item[1])
        lines = [f"| {name} | {seconds:.2f} | {seconds / total:.0%} |" for name, seconds in rows]
        return "\n".join(["| part | processor seconds | share |", "| --- | --- | --- |", *lines])
