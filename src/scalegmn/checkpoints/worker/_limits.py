"""How much time and memory the reading of one file may take."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, final

from scalegmn.errors import ConfigurationError

GIB: Final = 2**30

MOST_HEADER_BYTES: Final = 64 * 2**20
"""Maximum bytes of the description of one file: names, shapes and plain values of all its entries."""

MOST_LINE_BYTES: Final = 64 * 2**10
"""Maximum bytes of the description of one entry."""

MOST_ENTRIES: Final = 2**18

_MOST_EXPANSION: Final = 1100
"""Deflate, the only compression that is read, makes at most 1032 bytes of one."""


@final
@dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """Limits of the reading of one file in a worker.

    Time is granted in proportion to the bytes that are read and may be unpacked, on top of a constant.

    Attributes:
        seconds: on the parent's clock, for a small file.
        seconds_per_gib: on the parent's clock, on top of that.
        processor_seconds: of the worker, for a small file.
        processor_seconds_per_gib: of the worker, on top of that.
        spare_memory: bytes of address space beside twice ``max_bytes`` and what an idle worker has.
        files_per_worker: after so many files a worker is replaced by a new one.
        start_seconds: on the parent's clock, for the start of a worker.

    Raises:
        ConfigurationError: one of them is not positive.
    """

    seconds: float = 30.0
    seconds_per_gib: float = 60.0
    processor_seconds: float = 20.0
    processor_seconds_per_gib: float = 30.0
    spare_memory: int = 256 * 2**20
    files_per_worker: int = 512
    start_seconds: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigurationError(
                    f"{field.name}={value!r}: a limit of reading has to be positive. Leave it out."
                )

    def clock(self, *, size: int, max_bytes: int) -> float:
        """Seconds that the parent waits for the answer about a file of ``size`` bytes."""
        return self.seconds + self.seconds_per_gib * _gib(size=size, max_bytes=max_bytes)

    def processor(self, *, size: int, max_bytes: int) -> float:
        """Seconds of processor time that the worker has for a file of ``size`` bytes."""
        return self.processor_seconds + self.processor_seconds_per_gib * _gib(size=size, max_bytes=max_bytes)

    def memory(self, *, max_bytes: int) -> int:
        """Bytes of address space that the worker may take beside what it has when idle."""
        return 2 * max_bytes + self.spare_memory


def _gib(*, size: int, max_bytes: int) -> float:
    return (size + min(max_bytes, _MOST_EXPANSION * size)) / GIB
