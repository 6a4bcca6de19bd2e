"""A copy of a population in which every network is moved by a random symmetry of its own.

    python -m benchmarks.moved_networks POPULATION OUTPUT [--spread 10] [--seed 0] [--quiet]

Functions and columns stay as they are, so the copy asks what a model reads in the weights that the function
does not depend on: whoever reads the size of relu neurons loses it here, and an invariant model answers as
before.  Scales are drawn log-uniformly from the reciprocal of --spread to --spread, permutations and signs
uniformly.  `docs/results.md` has a table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter, progress_bar
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry

_SHARD: Final = 1000


def moved(
    population: Population, rows: np.ndarray, *, spread: float, seed: int
) -> Iterator[ArchitectureGroup]:
    """Runs of consecutive networks that share an architecture, each network moved by its own element."""
    owner = population.column("architecture")[rows]
    for run in np.split(rows, np.flatnonzero(np.diff(owner)) + 1):
        ((architecture, _, theta),) = population.groups(run)
        found = [
            random_symmetry(architecture, generator=generator(seed, "moved", row), spread=spread).apply(one)
            for row, one in zip(run.tolist(), theta.double(), strict=True)
        ]
        table = population.metadata.slice(int(run[0]), len(run))
        columns = {name: table[name] for name in population.columns}
        yield ArchitectureGroup(architecture, torch.stack(found).to(theta), columns)


def write_moved(
    population: Population, folder: Path, *, spread: float, seed: int, progress: bool = True
) -> int:
    """Write the whole copy, and say how many networks it holds.

    Raises:
        ConfigurationError: `spread` is below 1.
        PopulationError: the folder is in use.
    """
    if not spread >= 1:
        raise ConfigurationError(f"--spread is {spread}, expected 1 or more")
    provenance = {
        "maker": "moved_networks",
        "spread": spread,
        "seed": seed,
        "source_checksum": population.checksum,
        "source": dict(population.provenance),
    }
    with PopulationWriter(folder, provenance=provenance, resume=True) as writer:
        done = min(writer.shards_done * _SHARD, len(population))
        bar = progress_bar("moving networks", total=len(population), done=done, show=progress)
        with bar as advance:
            for start in range(done, len(population), _SHARD):
                rows = np.arange(start, min(start + _SHARD, len(population)))
                writer.append_groups(moved(population, rows, spread=spread, seed=seed))
                advance(len(rows))
        writer.finish()
        return len(writer)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("population", type=Path)
    parser.add_argument("output", type=Path, help="folder of the copy; an interrupted one is continued")
    parser.add_argument("--spread", type=float, default=10.0, help="of positive scales")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(argv)
    try:
        made = write_moved(
            Population.open(options.population),
            options.output,
            spread=options.spread,
            seed=options.seed,
            progress=not options.quiet,
        )
    except ScaleGMNError as error:
        print(f"moved_networks: error: {error}", file=sys.stderr)
        return 2
    print(f"{made} moved networks are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
