"""The worker's side of its limits: what the system is asked for, and what it really does.

Each limit is set by itself and, where that is cheap, tried; what does not hold is reported, not hidden.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

MEMORY: Final = "memory"
PROCESSOR_TIME: Final = "processor time"

LIMITS: Final = (
    MEMORY,
    PROCESSOR_TIME,
    "no writing to files",
    "no new processes",
    "no core files",
    "few open files",
    "no new privileges",
    "no tracing",
    "ends with its parent",
)
"""Names of all limits, in the order of reports."""

_OPEN_FILES: Final = 16
_PROBE_BYTES: Final = 64 * 2**20
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38  # numbers of prctl(2)


@final
class Confinement:
    """The limits of this process.

    Args:
        parent: number of the process that has started this one.

    Attributes:
        held: names of the limits that hold, of ``LIMITS``.
    """

    def __init__(self, *, parent: int) -> None:
        steps: tuple[Callable[[], bool], ...] = (
            _memory_holds,
            _processor_time_holds,
            _forbid_writing,
            _forbid_processes,
            _forbid_core_files,
            _limit_open_files,
            lambda: _prctl(_SET_NO_NEW_PRIVILEGES, 1),
            lambda: _prctl(_SET_DUMPABLE, 0),
            lambda: _die_with(parent),
        )
        self._idle_memory = _address_space()
        _be_first_to_go()
        self.held = tuple(name for name, step in zip(LIMITS, steps, strict=True) if _holds(step))

    def start_file(self, *, memory: int, processor_seconds: float) -> None:
        """Grant one more file so many bytes beside those of an idle worker, and so many seconds."""
        if sys.platform == "win32":
            return
        import resource

        if MEMORY in self.held:
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (_under(hard, self._idle_memory + memory), hard))
        if PROCESSOR_TIME in self.held:
            used = resource.getrusage(resource.RUSAGE_SELF)
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            # Processor time adds up over the files of a worker; the limit counts whole seconds.
            seconds = int(used.ru_utime + used.ru_stime + processor_seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (_under(hard, seconds), hard))


def _holds(step: Callable[[], bool]) -> bool:
    try:
        return step()
    except (OSError, ValueError, AttributeError, ImportError):  # not on this system, or not allowed
        return False


def _under(hard: int, wanted: int) -> int:
    return wanted if hard < 0 else min(hard, wanted)  # a negative limit is none


def _set(name: str, soft: int, *, hard_too: bool = True) -> bool:
    """Lower a limit, unless the system has a lower one already."""
    import resource

    which = getattr(resource, name)
    _, hard = resource.getrlimit(which)
    soft = _under(hard, soft)
    resource.setrlimit(which, (soft, soft if hard_too else hard))
    return resource.getrlimit(which)[0] == soft


def _address_space() -> int:
    """Bytes of address space of this process, 0 where the system does not say."""
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * mmap.PAGESIZE
    return 0


def _memory_holds() -> bool:
    """Whether the system refuses address space above the limit; some accept the limit and ignore it."""
    idle = _address_space()
    if idle == 0 or not _set("RLIMIT_AS", idle + _PROBE_BYTES, hard_too=False):
        return False
    try:
        mmap.mmap(-1, 2 * _PROBE_BYTES).close()
    except (OSError, MemoryError):
        return True
    return False


def _processor_time_holds() -> bool:
    import resource

    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.getrlimit(resource.RLIMIT_CPU)
    return True


def _forbid_writing() -> bool:
    return _set("RLIMIT_FSIZE", 0)


def _forbid_core_files() -> bool:
    return _set("RLIMIT_CORE", 0)


def _limit_open_files() -> bool:
    return _set("RLIMIT_NOFILE", _OPEN_FILES)


def _forbid_processes() -> bool:
    _set("RLIMIT_NPROC", 0)
    if sys.platform == "win32":
        return False
    try:
        child = os.fork()  # the administrator is exempt from this limit
    except OSError:
        return True
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return False


def _die_with(parent: int) -> bool:
    if not _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL):
        return False
    if os.getppid() != parent:  # it ended before the signal was asked for
        os._exit(0)
    return True


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    return bool(system.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0)


def _be_first_to_go() -> None:
    """When the whole machine runs out of memory, a worker ends and not who has started it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
