"""The process around a command: signals that end it, and readers of its output that go away."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, TextIO, final

_ENDINGS: Final = ("SIGTERM", "SIGHUP")


@contextlib.contextmanager
def endings_interrupt() -> Iterator[None]:
    """Let the signals that ask a program to end do what Ctrl-C does: raise `KeyboardInterrupt`.

    So a job that a scheduler stops cleans up, and says how it can be resumed.  Signals that somebody
    else handles, or that are ignored (``nohup``), are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals, and only it is interrupted by them.
        yield
        return
    taken: list[signal.Signals] = []
    for name in _ENDINGS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@final
class _Lenient(io.FileIO):
    """An open file descriptor; once it cannot be written, what is written to it goes nowhere.

    A reader that has seen enough (``| head``) is no failure.  Any other reason is kept in `failure`: the
    command goes on, so that its files are whole, and its exit code tells.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                self.failure = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return super().write(data)


@final
class Output:
    """The standard streams while a command runs."""

    def __init__(self) -> None:
        self._files: list[_Lenient] = []

    @contextlib.contextmanager
    def lenient(self) -> Iterator[Output]:
        """Standard output and error do not fail in here, whatever becomes of their readers.

        Streams that are not those of the process (a test reads them, or they are closed) stay as they are.
        """
        before = sys.stdout, sys.stderr
        if before[0] is sys.__stdout__:
            sys.stdout = self._wrapped(before[0])
        if before[1] is sys.__stderr__:
            sys.stderr = self._wrapped(before[1])
        try:
            yield self
        finally:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            sys.stdout, sys.stderr = before

    @property
    def failure(self) -> OSError | None:
        """Why something that was printed is lost, if it is."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        return next((file.failure for file in self._files if file.failure is not None), None)

    def _wrapped(self, stream: TextIO | None) -> TextIO:
        if not isinstance(stream, io.TextIOWrapper):
            return stream  # type: ignore[return-value]  # None: the stream is closed
        try:
            stream.flush()
            file = _Lenient(stream.fileno(), "w", closefd=False)
        except OSError:
            return stream
        self._files.append(file)
        # PYTHONUNBUFFERED asks for streams that keep nothing back.
        buffer = file if stream.write_through else io.BufferedWriter(file)
        return io.TextIOWrapper(
            buffer,
            encoding=stream.encoding,
            # A terminal that knows few letters shows escapes; it is no reason to stop.
            errors="backslashreplace" if stream.errors == "strict" else stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
