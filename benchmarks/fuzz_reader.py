"""Mutated files through the reader of checkpoints: only errors of the library, in bounded time and memory.

`python -m benchmarks.fuzz_reader --files 10000` reads ten thousand in this process and ends with exit code 1
if one of them was too much for the reader; `--workers` sends them through worker processes instead, and
`--compare` looks whether torch, safetensors and numpy read the same from what is read.  `--hdf5` mutates HDF5
files and Keras archives, each in a process of its own, whose end is counted and no failure, since the HDF5
library is not ours.  Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from benchmarks.fuzz_mutations import mutated, valid_files

from scalegmn.checkpoints import FileContents, decode
from scalegmn.checkpoints.worker import Outline, Reader, check_answer, describe_contents
from scalegmn.errors import CheckpointError

MAX_BYTES: Final = 2**24
MOST_SECONDS: Final = 3.0
MOST_MEMORY: Final = 2 * MAX_BYTES + 2**26
MOST_CHARACTERS: Final = 600


class TooLong(BaseException):
    """Reading takes too long; no reader catches this."""


@dataclass
class Outcome:
    """What has become of some files.

    Attributes:
        kinds: how many files ended in each way.
        failures: what must not be, with the number of the file.
        seconds: of all files.
        slowest: of one file, in seconds of processor time.
    """

    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise TooLong after so much processor time."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def kind_of(error: CheckpointError) -> str:
    """The error without what differs from file to file."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|\d[\d,]*|\b[0-9a-f]{8,}\b", "…", str(error))
    return f"{type(error).__name__}: {' '.join(text.split()[:9])}"


def complaint_about(error: CheckpointError) -> str | None:
    """What is wrong with the message of an error."""
    text = str(error)
    if not text or not text.isprintable():
        return f"a message that is not printable: {text!r}"
    return f"a message of {len(text)} characters" if len(text) >= MOST_CHARACTERS else None


def read_one(content: bytes, outcome: Outcome, *, label: str, confined: bool = False) -> None:
    """Read one file in this process, and look whether a worker could send what was read."""
    memory, start = peak_memory(), time.process_time()
    try:
        with bounded(MOST_SECONDS):
            contents = decode(content, max_bytes=MAX_BYTES, confined=confined)
            answer = describe_contents(contents, sha256="0" * 64, max_bytes=MAX_BYTES)
            assert isinstance(check_answer(answer, max_bytes=MAX_BYTES), Outline)
        outcome.kinds["read"] += 1
    except CheckpointError as error:
        outcome.kinds[kind_of(error)] += 1
        if (complaint := complaint_about(error)) is not None:
            outcome.failures.append(f"{label}: {complaint}")
    except (Exception, TooLong) as error:  # what is looked for
        outcome.failures.append(f"{label}: {type(error).__name__}: {str(error)[:200]}")
    outcome.slowest = max(outcome.slowest, time.process_time() - start)
    # The system limits the memory of a confined process.
    if (grown := peak_memory() - memory) > MOST_MEMORY and not confined:
        outcome.failures.append(f"{label}: took {grown:,} bytes of memory")


def read_here(*, files: int, seed: int) -> Outcome:
    """Read mutated files in this process."""
    valid, outcome, start = valid_files(), Outcome(), time.monotonic()
    for number in range(files):
        name, content = mutated(valid, seed=seed, number=number)
        read_one(content, outcome, label=f"file {number} of seed {seed}, from {name}")
    outcome.seconds = time.monotonic() - start
    return outcome


def read_in_workers(*, files: int, seed: int, folder: Path) -> Outcome:
    """Read mutated files in worker processes; that one has ended is a failure, too."""
    valid, outcome, start = valid_files(), Outcome(), time.monotonic()

    def paths() -> Iterator[Path]:
        for number in range(files):
            path = folder / str(number)
            path.write_bytes(mutated(valid, seed=seed, number=number)[1])
            yield path

    with Reader() as reader:
        for number, result in enumerate(reader.read_many(paths(), max_bytes=MAX_BYTES)):
            (folder / str(number)).unlink()
            if isinstance(result, FileContents):
                outcome.kinds["read"] += 1
                continue
            reason = type(result)(str(result).partition(": ")[2])
            outcome.kinds[kind_of(reason)] += 1
            complaint = complaint_about(result)
            if complaint is None and re.search(
                r"its reader|reader of this|^it cannot be read \(", str(reason)
            ):
                complaint = str(reason)
            if complaint is not None:
                outcome.failures.append(f"file {number} of seed {seed}: {complaint}")
    outcome.seconds = time.monotonic() - start
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", action="store_true")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--hdf5", action="store_true")
    parser.add_argument("--kinds", type=int, default=40, help="how many kinds of outcomes to print")
    options = parser.parse_args()
    if options.hdf5 and options.compare:
        from benchmarks.fuzz_hdf5 import differences

        outcome = differences(files=options.files, seed=options.seed)
    elif options.compare:
        from benchmarks.fuzz_compare import compare

        outcome = compare(files=options.files, seed=options.seed)
    elif options.hdf5:
        from benchmarks.fuzz_hdf5 import read_hdf5

        outcome = read_hdf5(files=options.files, seed=options.seed)
    elif options.workers:
        with tempfile.TemporaryDirectory() as folder:
            outcome = read_in_workers(files=options.files, seed=options.seed, folder=Path(folder))
    else:
        outcome = read_here(files=options.files, seed=options.seed)
    for kind, count in outcome.kinds.most_common(options.kinds):
        print(f"{count:8,}  {kind}")
    print(
        f"{options.files:,} files, {len(outcome.kinds)} kinds of outcomes, {outcome.seconds:.0f} s, slowest "
        f"{outcome.slowest:.2f} s, peak {peak_memory() / 2**20:.0f} MiB, {len(outcome.failures)} failures"
    )
    for failure in outcome.failures[:40]:
        print(failure)
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
