"""What a million networks cost: the store, its index and its table at full length, with small networks.

    python -m benchmarks.million [--networks 1000000] [--shard 1000] [--widths 2 2 1] [--architectures 1]
                                 [--batch 128] [--folder DIR] [--json FILE]

Writes sine networks of random parameters with the writer that all makers use, shard by shard, and then does
what a training and a scan do before they see the first network: open the population, read a column, split it,
gather batches in random order, order an epoch, check every byte.  Every step runs in a process of its own, so
that its memory is its own: seconds by the clock, seconds of the processor, and the highest memory beyond that
of the imports.  `--architectures` spreads the networks over so many architectures, as in a population of
networks of all shapes.  The population is deleted at the end unless `--folder` names a place for it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.recorded import facts

from scalegmn.networks import Architecture, siren
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter, Splits, split_by_group
from scalegmn.training import BatchOrder, NetworkDataset

BATCHES = 500


def architectures(options: argparse.Namespace) -> list[Architecture]:
    """So many different ones: of one depth and width, they differ in their frequency."""
    widths = tuple(options.widths)
    return [siren(widths=widths, frequency=30.0 + number) for number in range(options.architectures)]


def shards(options: argparse.Namespace) -> Iterator[list[ArchitectureGroup]]:
    """Random networks, every shard from a generator of its own; architectures take turns."""
    kinds = architectures(options)
    for number, start in enumerate(range(0, options.networks, options.shard)):
        rows = np.arange(start, min(start + options.shard, options.networks))
        rng = np.random.default_rng(number)
        groups = []
        for place in np.unique(rows % len(kinds)).tolist():
            own = rows[rows % len(kinds) == place]
            theta = rng.standard_normal((len(own), kinds[place].num_parameters), np.float32)
            columns = {
                "label": rng.integers(0, 10, len(own)),
                "image": own // 2,
                "psnr": rng.standard_normal(len(own), np.float32),
            }
            groups.append(ArchitectureGroup(kinds[place], theta, columns))
        yield groups


def write(options: argparse.Namespace) -> None:
    """All shards, without the index."""
    with PopulationWriter(options.folder, provenance={"maker": "million"}) as writer:
        for groups in shards(options):
            writer.append_groups(groups)


def finish(options: argparse.Namespace) -> None:
    """After an interruption at the very end: read the journal, join the tables, write the index."""
    with PopulationWriter(options.folder, provenance={"maker": "million"}, resume=True) as writer:
        writer.finish()


def open_it(options: argparse.Namespace) -> None:
    assert len(Population.open(options.folder)) == options.networks


def column(options: argparse.Namespace) -> None:
    assert len(Population.open(options.folder).column("label")) == options.networks


def split(options: argparse.Namespace) -> None:
    """By image, written as a file and read again."""
    population = Population.open(options.folder)
    path = options.folder.parent / "splits.json"
    split_by_group(population.column("image"), seed=0).write(path)
    assert len(Splits.read(path)) == options.networks


def gather(options: argparse.Namespace) -> None:
    """Five hundred batches in random order, from the files."""
    population, rng = Population.open(options.folder), np.random.default_rng(0)
    for _ in range(BATCHES):
        population.groups(rng.integers(0, len(population), options.batch))


def epoch(options: argparse.Namespace) -> None:
    """All of an epoch but the model: parameters in memory, an order, batches with their targets."""
    population = Population.open(options.folder)
    labels = torch.from_numpy(population.column("label"))
    networks = NetworkDataset(
        population=population,
        rows=np.arange(len(population)),
        targets=labels,
        canonicalize=False,
        memory_limit=float(2**31),
    )
    for positions in BatchOrder(length=len(networks), batch_size=options.batch, seed=0):
        networks[positions]


def verify(options: argparse.Namespace) -> None:
    Population.open(options.folder).verify()


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "write": write,
    "finish": finish,
    "open": open_it,
    "column": column,
    "split": split,
    "gather": gather,
    "epoch": epoch,
    "verify": verify,
}


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One step in this process."""
    before, began, busy = _peak(), time.perf_counter(), time.process_time()
    STEPS[options.only](options)
    return {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - busy,
        "MiB": (_peak() - before) / 1024,
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def sizes(folder: Path) -> dict[str, float]:
    """MB of every kind of file."""
    found: dict[str, float] = {}
    for path in folder.iterdir():
        kind = path.name if path.suffix in (".json", ".parquet") else f"*{path.suffix}"
        found[kind] = found.get(kind, 0.0) + path.stat().st_size / 1e6
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=1_000_000)
    parser.add_argument("--shard", type=int, default=1000)
    parser.add_argument("--widths", type=int, nargs="+", default=[2, 2, 1])
    parser.add_argument("--architectures", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path, help="where all figures are written")
    parser.add_argument("--only", choices=list(STEPS), help="one step, in this process")
    return parser.parse_args()


def run(options: argparse.Namespace) -> dict[str, object]:
    """All steps, and the sizes of the files."""
    given = [f"--{name}={getattr(options, name)}" for name in ("networks", "shard", "architectures", "batch")]
    given += [f"--folder={options.folder}", "--widths", *map(str, options.widths)]
    found = {}
    print(f"{'step':10}{'seconds':>10}{'processor':>11}{'MiB':>8}", flush=True)
    for step in STEPS:
        command = [sys.executable, "-m", "benchmarks.million", *given, "--only", step]
        found[step] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        one = found[step]
        print(f"{step:10}{one['seconds']:10.2f}{one['processor']:11.2f}{one['MiB']:8.0f}", flush=True)
    files = sizes(options.folder)
    print("  ".join(f"{name} {size:.1f} MB" for name, size in sorted(files.items())))
    return {"steps": found, "files_mb": files}


def main() -> None:
    options = arguments()
    if options.only:
        print(json.dumps(measure(options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        options.folder = options.folder or Path(scratch) / "population"
        settings = {
            name: str(value) for name, value in vars(options).items() if name not in ("folder", "json")
        }
        found = {"settings": settings, **facts(), **run(options)}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
