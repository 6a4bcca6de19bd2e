"""Processor time that it costs to read small checkpoint files in worker processes.

`python -m benchmarks.read_files` writes 500 files of `torch.save` to a temporary folder and reads them;
`--workers` and `--files` set the size.  Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from scalegmn.checkpoints import FileContents
from scalegmn.checkpoints.worker import Reader

MAX_BYTES = 2**26


def processor_seconds() -> float:
    """Of this process and of all children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def write(folder: Path, *, files: int) -> list[Path]:
    """Networks 784-32-10."""
    paths = []
    for index in range(files):
        layers = torch.nn.Sequential(torch.nn.Linear(784, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
        path = folder / f"{index}.pt"
        torch.save(layers.state_dict(), path)
        paths.append(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--workers", type=int, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), files=options.files)
        start, used = time.monotonic(), processor_seconds()
        with Reader(workers=1) as reader:
            reader.read(paths[0], max_bytes=MAX_BYTES)
            first = time.monotonic() - start
        start_cost = processor_seconds() - used
        start, used = time.monotonic(), processor_seconds()
        with Reader(workers=options.workers) as reader:
            found = [isinstance(one, FileContents) for one in reader.read_many(paths, max_bytes=MAX_BYTES)]
            limits = reader.describe_limits()
        wall, spent = time.monotonic() - start, processor_seconds() - used
    assert all(found)
    print(f"one worker started and one file read: {first:.2f} s, {start_cost:.2f} s of processor time")
    print(
        f"{len(paths)} files: {1000 * spent / len(paths):.2f} ms of processor time each, parent and workers, "
        f"{len(paths) / wall:.0f} files a second"
    )
    print(limits)


if __name__ == "__main__":
    main()
