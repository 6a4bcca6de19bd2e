"""Frames over a socket: eight bytes that say how long, then so many bytes; with a clock on every wait."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, final

_PREFIX: Final = 8
_CHUNK: Final = 2**20
_TICK_SECONDS: Final = 0.1

Request = dict[str, int | float | bool | list[int]]


class ChannelError(Exception):
    """The other side did not do what was agreed."""


@final
class OverdueError(ChannelError):
    """The clock ran out."""


@final
class EndedError(ChannelError):
    """The other side has gone."""


@final
class BrokenError(ChannelError):
    """The other side sent something that was not agreed; the message says what."""


@final
class Channel:
    """One end of a socket.

    Every wait ends when the clock that :meth:`allow` sets does; a channel without clock waits for ever.

    Args:
        connection: a connected stream socket; the channel closes it.
        tick: called several times a second while the channel waits; may raise to end the wait.
    """

    def __init__(self, connection: socket.socket, *, tick: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._tick = tick
        self._deadline: float | None = None

    def allow(self, seconds: float) -> None:
        """Set the clock: everything from here on is done in so many seconds, or is :class:`OverdueError`."""
        self._deadline = time.monotonic() + seconds

    def watch(self, tick: Callable[[], None]) -> None:
        """Call ``tick`` while waiting from now on."""
        self._tick = tick

    def close(self) -> None:
        """Close the socket; the other side sees the end."""
        self._connection.close()

    def fileno(self) -> int:
        """Number of the descriptor, -1 when closed."""
        return self._connection.fileno()

    @property
    def quiet(self) -> bool:
        """Whether the other side is there and has sent nothing that was not received."""
        self._connection.settimeout(0)
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def send(self, content: bytes | memoryview) -> None:
        """Send bytes as they are, all of them."""
        view = memoryview(content)
        while view:
            view = view[self._patiently(partial(self._connection.send, view)) :]

    def send_frame(self, content: bytes | bytearray, *, descriptor: int | None = None) -> None:
        """Send a frame, with a descriptor that the other side gets a copy of."""
        frame = len(content).to_bytes(_PREFIX, "big") + content
        if descriptor is None:
            self.send(frame)
            return
        sent = self._patiently(partial(socket.send_fds, self._connection, [frame], [descriptor]))
        self.send(memoryview(frame)[sent:])

    def send_request(self, request: Request, *, descriptor: int | None = None) -> None:
        """Send a frame of JSON."""
        self.send_frame(json.dumps(request).encode("ascii"), descriptor=descriptor)

    def receive_into(self, buffer: memoryview) -> None:
        """Fill the buffer."""
        while buffer:
            received = self._patiently(partial(self._connection.recv_into, buffer))
            if received == 0:
                raise EndedError("the connection ended")
            buffer = buffer[received:]

    def receive_frame(self, *, most: int) -> bytearray:
        """Receive a frame of at most ``most`` bytes; memory is taken as bytes arrive, not as announced."""
        prefix = bytearray(_PREFIX)
        self.receive_into(memoryview(prefix))
        return self._rest_of_frame(int.from_bytes(prefix, "big"), most=most)

    def receive_request(self, *, most: int, descriptors: bool) -> tuple[Any, int | None]:
        """Receive a frame of JSON, and the descriptor that came with it."""
        if not descriptors:
            return json.loads(self.receive_frame(most=most)), None
        start, found, _, _ = socket.recv_fds(self._connection, _PREFIX, 1)
        if not start:
            raise EndedError("the connection ended")
        prefix = bytearray(_PREFIX)
        prefix[: len(start)] = start
        self.receive_into(memoryview(prefix)[len(start) :])
        frame = self._rest_of_frame(int.from_bytes(prefix, "big"), most=most)
        return json.loads(frame), found[0] if found else None

    def _rest_of_frame(self, length: int, *, most: int) -> bytearray:
        if length > most:
            raise BrokenError(f"a frame of {length:,} bytes was announced, more than {most:,}")
        frame = bytearray()
        while len(frame) < length:
            chunk = bytearray(min(_CHUNK, length - len(frame)))
            self.receive_into(memoryview(chunk))
            frame += chunk
        return frame

    def _patiently(self, operation: Callable[[], int]) -> int:
        """Do what may have to wait, with an eye on the clock."""
        while True:
            remaining = None if self._deadline is None else self._deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                raise OverdueError("the time ran out")
            self._connection.settimeout(self._patience(remaining))
            try:
                return operation()
            except TimeoutError:
                if self._tick is not None:
                    self._tick()
            except OSError as error:
                raise EndedError(f"the connection broke ({error.strerror})") from error

    def _patience(self, remaining: float | None) -> float | None:
        if self._tick is None:
            return remaining
        return _TICK_SECONDS if remaining is None else min(remaining, _TICK_SECONDS)
