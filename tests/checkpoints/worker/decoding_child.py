"""A worker for tests, whose decoder does what the content of the file says.

This file runs in a worker, whose entry point tests replace; it is no module of the tests.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time

import numpy as np

from scalegmn.checkpoints import Contents, ContentsEntry, Opaque, RawTensor
from scalegmn.checkpoints.worker._child import serve
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

VALUES = (
    RawTensor("float32", (2, 3), np.arange(6, dtype="<f4").data.cast("B")),
    RawTensor("bfloat16", (3,), memoryview(b"abcdef")),
    RawTensor("int64", (0, 5), b""),
    RawTensor("bool", (), bytearray(b"\x01")),
    Opaque("argparse.Namespace", called=True, numbers=False),
    Opaque("sparse tensor", called=False, numbers=True),
    *(True, 7, -(2**63), "text \ud800\n", 0.1, float("nan"), float("-inf"), -0.0, 5e-324),
    10**400,
)


def decode(content: bytes, *, max_bytes: int, confined: bool) -> Contents:
    """Do what the content says."""
    word, _, rest = content.partition(b" ")
    notes: tuple[str, ...] = ()
    match word.decode():
        case "values":
            entries = tuple(
                ContentsEntry(("key", index), value, ("T",) * index, f"class{index}")
                for index, value in enumerate(VALUES)
            )
            return Contents("torch_legacy", entries, ("a note", "another"))
        case "big":
            ones = np.ones(int(rest), dtype=np.uint8)
            return Contents(
                "npz",
                (
                    ContentsEntry(("big",), RawTensor("uint8", (int(rest),), ones.data)),
                    ContentsEntry(("n",), 1),
                ),
            )
        case "short":
            return Contents("npz", (ContentsEntry(("t",), RawTensor("float64", (2,), b"12345678")),))
        case "long_name":
            return Contents("npz", (ContentsEntry(("n" * 100_000,), 1),))
        case "many":
            return Contents("npz", (ContentsEntry(("n",), 1),) * (2**18 + 1))
        case "state":
            notes = tuple(state())
        case "try":
            notes = tuple(attempts())
        case word:
            misfortune(word, max_bytes=max_bytes)
    return Contents("safetensors", (ContentsEntry(("length",), len(content)),), notes)


def misfortune(word: str, *, max_bytes: int) -> None:
    """What a file may do to its reader."""
    match word:
        case "refuse":
            raise CheckpointError("it is damaged\x1b[2J")
        case "unsafe":
            raise UnsafeCheckpointError("it names os.system")
        case "fault":
            raise KeyError("a fault")
        case "deep":
            misfortune(word, max_bytes=max_bytes)
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            sys.stderr.write("last \x1b words\n")
            sys.stderr.flush()
            os._exit(3)
        case "second_kills":  # the first file passes and leaves a broken worker behind
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGBUS))
            signal.setitimer(signal.ITIMER_REAL, 0.02)
        case "sleep":
            time.sleep(60)
        case "spin":
            while True:
                pass
        case "bomb":
            np.ones(3 * max_bytes + 2**29, dtype=np.uint8)
        case "unlimited_bomb":  # as on a system without limits; it ends by itself
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
            kept = []
            for _ in range(20):
                kept.append(np.ones(2**24, dtype=np.uint8))
                time.sleep(0.02)
        case "chatter":
            sys.stderr.write("x" * 50_000)
            sys.stderr.flush()


def state() -> list[str]:
    """What the worker has of its parent."""
    return [
        "torch" if "torch" in sys.modules else "no torch",
        *sorted(os.environ),
        f"cwd {os.getcwd()}",
        f"descriptors {sum(map(is_open, range(1000)))}",
        f"path {sys.path}",
        f"terminal {any(os.isatty(number) for number in range(3))}",
    ]


def is_open(descriptor: int) -> bool:
    """Whether there is such a descriptor; a process that may not be traced cannot list its own."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def attempts() -> list[str]:
    """What the limits are there to forbid."""
    found = []
    target = os.open("/tmp", os.O_TMPFILE | os.O_RDWR)
    for name, attempt in {
        "write": lambda: os.write(target, b"x"),
        "fork": lambda: os.fork() or os._exit(0),
        "open": lambda: [os.dup(0) for _ in range(100)],
    }.items():
        try:
            attempt()
            found.append(f"{name} worked")
        except OSError as error:
            found.append(f"{name} failed: {error.strerror}")
    return found


serve(decode=decode)
