"""How long a random batch takes from a large population on disk, and how much memory it costs.

    python benchmarks/store_gather.py [--networks 1000000] [--batch 128] [--batches 500] [--folder DIR]

Writes a population of random sine networks 2-32-32-1 (4.7 GB for a million) with the writer itself,
then measures in a fresh process, so that the writing does not count.  "cold" throws the files out of the
kernel's cache before every batch; "warm" has them all in it; "shuffled epoch" reads every network once.
The population is deleted at the end unless `--folder` names a place for it, where a later run finds it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter

SHARD = 50_000


def write(folder: Path, networks: int) -> None:
    """Random parameters; the first one is the number of the network, which the reading checks."""
    architecture = siren()
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    with PopulationWriter(folder, provenance={"maker": "benchmark"}, resume=True) as writer:
        for first in range(writer.shards_done * SHARD, networks, SHARD):
            count = min(SHARD, networks - first)
            theta = rng.standard_normal((count, architecture.num_parameters), np.float32)
            theta[:, 0] = np.arange(first, first + count)
            columns = {"label": rng.integers(0, 10, count), "image": np.arange(first, first + count)}
            writer.append(architecture, theta, columns)
        writer.finish()
    print(f"wrote {networks} networks in {time.perf_counter() - start:.0f} s")


def resident(key: str) -> float:
    """Memory of this process in MB: VmRSS now, VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this benchmark needs /proc (Linux)")


def evict(folder: Path) -> None:
    """Throw a folder's files out of the kernel's cache."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def timed(population: Population, batch: int, batches: int, before: Callable[[], None]) -> np.ndarray:
    rng = np.random.default_rng(1)
    seconds = []
    for _ in range(batches):
        indices = rng.integers(0, len(population), batch)
        before()
        start = time.perf_counter()
        theta = population.theta(indices)
        seconds.append(time.perf_counter() - start)
        if not torch.equal(theta[:, 0], torch.from_numpy(indices).float()):
            raise SystemExit("the population gave other networks than those asked for")
    return np.array(seconds) * 1000


def measure(folder: Path, batch: int, batches: int) -> None:
    base = resident("VmRSS")
    start = time.perf_counter()
    population = Population.open(folder)
    print(f"{len(population)} networks, opened in {(time.perf_counter() - start) * 1000:.1f} ms")
    print(f"{'':24}{'median ms':>10}{'95 % ms':>10}{'RSS MB':>10}{'peak MB':>10}   (before: {base:.0f} MB)")

    def row(name: str, milliseconds: np.ndarray) -> None:
        median, high = np.percentile(milliseconds, [50, 95])
        print(f"{name:24}{median:10.2f}{high:10.2f}{resident('VmRSS'):10.0f}{resident('VmHWM'):10.0f}")

    row("cold", timed(population, batch, max(1, batches // 10), lambda: evict(folder)))
    for path in folder.iterdir():
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
    row("warm", timed(population, batch, batches, lambda: None))
    order = np.random.default_rng(2).permutation(len(population))
    seconds = []
    for first in range(0, len(order), batch):
        start = time.perf_counter()
        population.theta(order[first : first + batch])
        seconds.append(time.perf_counter() - start)
    row("shuffled epoch, a batch", np.array(seconds) * 1000)
    start = time.perf_counter()
    population.column("label")
    row("column of the metadata", np.array([(time.perf_counter() - start) * 1000]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", action="store_true", help="only measure what --folder holds")
    options = parser.parse_args()
    if options.measure:
        measure(options.folder, options.batch, options.batches)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "population"
        write(folder, options.networks)
        arguments = ["--measure", "--folder", str(folder), "--batch", str(options.batch)]
        command = [sys.executable, __file__, *arguments, "--batches", str(options.batches)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
