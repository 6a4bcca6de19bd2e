"""Every configuration of the two studies that ScaleGMN comes from, run at reduced length.

    python -m benchmarks.published_configurations --folder populations [--only NAME ...] [--networks 32]
                                                  [--held-out 32] [--epochs 1] [--batch-size 16]
                                                  [--output published_configurations.json] [--quiet]

Models, losses and schedules are those of the configurations that ship with the library.  What is smaller:
the number of training networks, that of networks for validation and for the test (--held-out, each), epochs,
and batches.  A few steps learn nothing: the table shows that all of it runs, how large the models are and
what a run takes, and its figures are no results.

--folder holds the populations by the names that the configurations give them.  Where one is missing, another
of the same architecture stands in, and the table says so; `STAND_INS` lists which.  Where a population has no
checkpoint of the epoch that a configuration asks for, its last one is taken.  Editors also need the images of
their networks, in the folder that SCALEGMN_DATA names.

Prints the table, and writes the same figures into --output, if it is given.  Times are processor seconds of
the whole run, with reading, training, validation and test.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.populations import Population
from scalegmn.reports import ResultTable
from scalegmn.training import RunConfig, parse_config, train, write_json

_BOTH: Final = ("", "_bidir")
CONFIGURATIONS: Final = (
    *(
        f"inr_classification/{data}{direction}"
        for data in ("mnist", "fashion_mnist", "cifar10", "cifar10_aug")
        for direction in _BOTH
    ),
    *(f"inr_editing/mnist{kind}" for kind in (*_BOTH, "_permutation")),
    *(
        f"generalization/{data}_{activations}{direction}"
        for data in ("cifar10", "svhn")
        for activations in ("relu", "tanh", "hetero")
        for direction in _BOTH
    ),
    "trojans/detection",
    "trojans/repair",
)
STAND_INS: Final[Mapping[str, tuple[str, ...]]] = {
    "cifar10_aug_inrs": ("cifar10_inrs",),
    "cifar10_zoo": ("cifar10_cnns", "fashion_cnns"),
    "svhn_zoo": ("cifar10_zoo", "cifar10_cnns", "fashion_cnns"),
}
"""Populations of the same architecture, by the name of the one that a configuration asks for."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What is smaller than in the configurations."""

    networks: int
    held_out: int
    epochs: int
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out of one configuration; `figures` are those of the test networks."""

    name: str
    population: str
    parameters: int
    networks: int
    epochs: int
    figures: dict[str, float | None]
    seconds: float


def parse(arguments: Sequence[str]) -> RunConfig:
    """A configuration of a training.

    Raises:
        ConfigurationError: names every problem.
    """
    config, problems = parse_config(arguments)
    if config is None or problems:
        raise ConfigurationError(problems=problems)
    return config


def find_population(name: str, folder: Path) -> Path:
    """The population of this name, or what stands in for it.

    Raises:
        ConfigurationError: there is neither.
    """
    names = (name, *STAND_INS.get(name, ()))
    found = [folder / one for one in names if (folder / one).is_dir()]
    if not found:
        raise ConfigurationError(
            f"--folder {folder}: holds none of {', '.join(names)}; make one by `scalegmn make`, or leave "
            "configurations out with --only"
        )
    return found[0]


def reduced(name: str, folder: Path, sizes: Sizes) -> list[str]:
    """The arguments of a training with this configuration at these sizes.

    Raises:
        ConfigurationError: there is no population for it.
        PopulationError: the population cannot be read.
    """
    data = parse(["--config", name]).data
    place = find_population(data.population.name, folder)
    where = dict(data.where)
    if "epoch" in where:
        where["epoch"] = _nearest_epoch(Population.open(place), where["epoch"])
    changes = {
        "data.population": place,
        "data.where": json.dumps(where),
        "data.train_limit": sizes.networks,
        "data.val_limit": sizes.held_out,
        "data.test_limit": sizes.held_out,
        "data.batch_size": sizes.batch_size,
        "training.epochs": sizes.epochs,
        "logging.tensorboard": "false",
        "logging.progress": "false",
    }
    return ["--config", name, *(f"--{key}={value}" for key, value in changes.items())]


def _nearest_epoch(population: Population, wanted: int) -> int:
    epochs = population.column("epoch").tolist()
    return wanted if wanted in epochs else max(epochs)


def run(name: str, folder: Path, sizes: Sizes) -> Row:
    """Train and test with a configuration; what the training leaves is thrown away.

    Raises:
        ScaleGMNError: it does not fit its networks.
    """
    began = time.process_time()
    arguments = reduced(name, folder, sizes)
    with tempfile.TemporaryDirectory() as scratch:
        config = parse([*arguments, f"--output={scratch}/run"])
        outcome = train(config)
        facts = json.loads((outcome.folder / "run.json").read_text(encoding="utf-8"))
    task, results = outcome.task, outcome.results
    test: dict[str, Any] = results["test"]
    place = config.data.population.name
    wanted = parse(["--config", name]).data.population.name
    return Row(
        name=name,
        population=place if place == wanted else f"{place} for {wanted}",
        parameters=results["parameters"],
        networks=facts["networks"]["train"],
        epochs=results["epochs"],
        figures={key: test.get(key) for key in task.headline or (task.monitor,)},
        seconds=time.process_time() - began,
    )


def table(rows: Sequence[Row]) -> ResultTable:
    """A row for each configuration."""
    columns = ("configuration", "population", "parameters", "networks", "epochs", "figure", "CPU seconds")
    cells = [
        (
            row.name,
            row.population,
            f"{row.parameters:,}",
            row.networks,
            row.epochs,
            _first(row.figures),
            f"{row.seconds:.1f}",
        )
        for row in rows
    ]
    return ResultTable.from_values(columns, cells)


def _first(figures: Mapping[str, float | None]) -> str:
    name, value = next(iter(figures.items()))
    return f"{name} {'undefined' if value is None else format(value, '.3f')}"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parse_options(argv)
    names = options.only or CONFIGURATIONS
    sizes = Sizes(
        networks=options.networks,
        held_out=options.held_out,
        epochs=options.epochs,
        batch_size=options.batch_size,
    )
    rows: list[Row] = []
    try:
        for name in names:  # All problems are found before any work starts.
            parse(reduced(name, options.folder, sizes))
        for name in names:
            rows.append(run(name, options.folder, sizes))
            if not options.quiet:
                print(f"{name}: {_first(rows[-1].figures)}, {rows[-1].seconds:.1f} s", file=sys.stderr)
        print(table(rows).to_markdown())
        if options.output is not None:
            write_json(options.output, {"sizes": asdict(sizes), "rows": [asdict(row) for row in rows]})
    except (ScaleGMNError, OSError) as error:
        print(f"published_configurations: error: {error}", file=sys.stderr)
        return 2
    return 0


def _parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="holds the populations")
    parser.add_argument("--only", nargs="+", choices=CONFIGURATIONS, metavar="NAME", help="some alone")
    parser.add_argument("--networks", type=int, default=32, help="to learn from")
    parser.add_argument("--held-out", type=int, default=32, help="for validation, and for the test")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    parser.add_argument("--quiet", action="store_true", help="print the table alone")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
