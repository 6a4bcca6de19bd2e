"""The paper's public implementation and ours, trained on the same networks with the same settings.

    python -m benchmarks.public_code --path ~/scalegmn --population populations/fashion_mnist_inrs
        [--features 64] [--layers 4] [--epochs 12] [--direction forward] [--networks 4000]
        [--validation 500] [--test 1000] [--batch-size 128] [--seed 0] [--threads 1]
        [--python PYTHON] [--output runs/public_code] [--only public|ours]

--path is a checkout of the public code, https://github.com/jkalogero/scalegmn; the commits 1ecbdff to 9cffd4d
have the layout that is expected.  It is no part of this project.  It runs as it is, by its script
`inr_classification.py`, in a process of its own, with `configs/fmnist_cls/scalegmn.yml` of that folder (or
`scalegmn_bidir.yml`), in which only what is given here is changed.  Ours gets the same values under its own
names.  Its logger is replaced by one that writes to a file; packages that it imports for other experiments
need not be there.  It was written for PyTorch 2.1: --python names the interpreter of another environment.

The population holds sine networks 2-32-32-1 of images, with the columns `label`, `image` and `split`.
--networks of its training networks are drawn for both, and --validation others of them; all phases are
brought into one range before, so that neither side does it.  Both choose the epoch with the best validation
accuracy.

Prints one table: accuracy, seconds of the training steps, seconds of processor of the whole process (the
public code evaluates training and test networks after every epoch, too), and its peak memory.  Writes it with
the settings into results.json in --output.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from scalegmn.collections import canonicalize_population, export_population
from scalegmn.collections.inrs import FashionMnistInrs
from scalegmn.errors import ConfigurationError, PopulationError, ScaleGMNError
from scalegmn.populations import Population, PopulationWriter
from scalegmn.reports import ResultTable
from scalegmn.seeding import numpy_generator
from scalegmn.training import write_json

ROOT: Final = Path(__file__).parents[1]
SIDE: Final = ROOT / "benchmarks" / "public_code_side.py"
REPOSITORY: Final = "https://github.com/jkalogero/scalegmn (commits 1ecbdff to 9cffd4d)"
SCRIPT: Final = "inr_classification.py"
CONFIGS: Final = {
    "forward": "configs/fmnist_cls/scalegmn.yml",
    "bidirectional": "configs/fmnist_cls/scalegmn_bidir.yml",
}
ENTRY_POINTS: Final = (
    SCRIPT,
    "src/data/__init__.py",
    "src/data/fmnist_inr_dataset.py",
    "src/scalegmn/models.py",
    "src/utils/setup_arg_parser.py",
    *CONFIGS.values(),
)
STEP: Final = "train/CrossEntropyLoss"


@dataclass(frozen=True, kw_only=True)
class Race:
    """What both sides are told."""

    features: int
    layers: int
    epochs: int
    direction: str
    batch_size: int
    seed: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class Side:
    """What came out of one side; `last` and `parameters` where they are known."""

    name: str
    best: float
    last: float | None
    steps_seconds: float
    processor_seconds: float
    peak_mib: float


def check_public(path: Path) -> None:
    """Refuse a folder that is no checkout of the public code.

    Raises:
        ConfigurationError: names what is missing.
    """
    missing = [name for name in ENTRY_POINTS if not (path / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"--path is {str(path)!r}, which has no {', '.join(missing[:3])}; expected a "
            f"checkout of {REPOSITORY}"
        )


def public_config(path: Path, race: Race, *, data: Path) -> dict[str, Any]:
    """The configuration of the public code, with what the race says.

    Raises:
        ConfigurationError: it has no such entries.
    """
    place = path / CONFIGS[race.direction]
    try:
        found = copy.deepcopy(yaml.safe_load(place.read_text(encoding="utf-8")))
        found["batch_size"] = race.batch_size
        found["data"] |= {
            # The public code puts names behind this without a slash.
            "dataset_path": f"{data / 'fmnist_inrs'}/",
            "split_path": str(data / "fmnist_splits.json"),
            "switch_to_canon": False,
        }
        found["train_args"] |= {"num_epochs": race.epochs, "patience": race.epochs + 1, "seed": race.seed}
        found["scalegmn_args"] |= {"d_hid": race.features, "num_layers": race.layers}
        our_options(found, race)
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"{place}: has another form than that of {REPOSITORY}, {type(error).__name__} at {error}; "
            "take the file from there"
        ) from error
    return dict(found)


def our_options(config: Mapping[str, Any], race: Race) -> dict[str, object]:
    """The same settings under our names."""
    model, training = config["scalegmn_args"], config["optimization"]
    gnn, schedule = model["gnn_args"], training["scheduler_args"]
    return {
        "data.batch_size": race.batch_size,
        "data.canonicalize": False,
        "model.features": race.features,
        "model.mlp_hidden": race.features,
        "model.layers": race.layers,
        "model.direction": race.direction,
        "model.symmetry": "permutation" if model["symmetry"] == "permutation" else "scaling",
        "model.readout": model["readout_range"],
        "model.skip": model["gnn_skip_connections"],
        "model.dropout": gnn["dropout"],
        "model.dropout_in_mlps": gnn["dropout_all"],
        "model.separate_io": gnn["msg_num_mlps"] == 3,
        "model.plain_io": gnn["mlp_on_io"],
        "model.sign_symmetrization": gnn["sign_symmetrization"],
        "model.edge_positional": model["edge_pos_embed"],
        "model.positional_in_messages": gnn["pos_embed_msg"],
        "model.positional_in_updates": gnn["pos_embed_upd"],
        "model.mlp_layer_norm": model["mlp_args"]["layer_norm"],
        "training.epochs": race.epochs,
        "training.learning_rate": float(training["optimizer_args"]["lr"]),
        "training.weight_decay": float(training["optimizer_args"]["weight_decay"]),
        "training.warmup_steps": schedule["warmup_steps"],
        "training.schedule": "constant",
        "training.gradient_clip": training["clip_grad_max_norm"] if training["clip_grad"] else None,
        "training.seed": race.seed,
        "training.threads": race.threads,
        "training.accelerator": "auto",
    }


def choose(
    population: Population, *, networks: int, validation: int, test: int, seed: int
) -> dict[str, np.ndarray]:
    """Rows for training, validation and test.

    Raises:
        PopulationError: there are too few, or columns are missing.
    """
    missing = [name for name in ("label", "image", "split") if name not in population.columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no columns {missing}; give networks of images, as `scalegmn import "
            "fashion_mnist_inrs` and `scalegmn make inrs` write them"
        )
    words = population.column("split")
    generator = numpy_generator(seed, "public code")
    training, testing = (
        generator.permutation(np.flatnonzero(part)) for part in (words != "test", words == "test")
    )
    if len(training) < networks + validation or len(testing) < test:
        raise PopulationError(
            f"{population.folder}: has {len(training)} networks to learn from and {len(testing)} to test on, "
            f"expected {networks + validation} and {test}; ask for fewer"
        )
    return {
        "train": training[:networks],
        "val": training[networks : networks + validation],
        "test": testing[:test],
    }


def write_data(population: Population, rows: Mapping[str, np.ndarray], folder: Path) -> Population:
    """The chosen networks as a population and in the files of the public code, phases in one range."""
    order = np.concatenate(list(rows.values()))
    columns = {
        "label": population.column("label")[order],
        # Numbers of their own: the files have one name for each.
        "image": np.arange(len(order)),
        "split": np.repeat(list(rows), [len(part) for part in rows.values()]),
    }
    with PopulationWriter(folder / "chosen", provenance={"source_checksum": population.checksum}) as writer:
        writer.append(population.architecture, population.theta(order), columns)
        writer.finish()
    canonicalize_population(Population.open(folder / "chosen"), folder / "population", progress=False)
    found = Population.open(folder / "population")
    export_population(found, FashionMnistInrs(), folder / "files", progress=False)
    return found


def run_side(name: str, command: Sequence[str], *, threads: int) -> None:
    """One process, with its output on the screen.

    Raises:
        ConfigurationError: it failed.
    """
    variables = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise ConfigurationError(
            f"{name}: ended with status {done.returncode}, and its last lines say why; if it is the public "
            "code, give --python of an environment that it was written for"
        )


def read_record(path: Path) -> list[dict[str, float]]:
    """What a side wrote, line by line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def public_side(record: Sequence[Mapping[str, float]], *, epochs: int) -> Side:
    """The figures of the public code from what it logged.

    Raises:
        ConfigurationError: it logged something else.
    """
    ends = [entry for entry in record if "test/acc" in entry]
    if len(ends) != epochs or "peak_mib" not in record[-1]:
        raise ConfigurationError(
            f"the public code reported {len(ends)} epochs, expected {epochs}; give a checkout of {REPOSITORY}"
        )
    # Its steps of an epoch begin when the epoch before was reported, the first when the model was made.
    begun, seconds, last_step = record[0]["seconds"], 0.0, record[0]["seconds"]
    for entry in record[:-1]:
        if STEP in entry:
            last_step = entry["seconds"]
        elif "test/acc" in entry:
            seconds += last_step - begun
            begun = entry["seconds"]
    return Side(
        name="public code",
        best=ends[-1]["test/best_acc"],
        last=ends[-1]["test/acc"],
        steps_seconds=seconds,
        processor_seconds=record[-1]["processor_seconds"],
        peak_mib=record[-1]["peak_mib"],
    )


def our_side(record: Sequence[Mapping[str, float]], run: Path) -> Side:
    """Our figures from a run folder."""
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    lines = (run / "metrics.csv").read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("train_seconds")
    return Side(
        name="ours",
        best=results["test"]["accuracy"],
        last=None,
        steps_seconds=sum(float(line.split(",")[place]) for line in lines[1:]),
        processor_seconds=record[-1]["processor_seconds"],
        peak_mib=record[-1]["peak_mib"],
    )


def table(sides: Sequence[Side]) -> ResultTable:
    """One row for each side."""
    rows = [
        (
            side.name,
            f"{100 * side.best:.1f}",
            "" if side.last is None else f"{100 * side.last:.1f}",
            f"{side.steps_seconds:.0f}",
            f"{side.processor_seconds:.0f}",
            f"{side.peak_mib:.0f}",
        )
        for side in sides
    ]
    heads = ("", "test accuracy %", "at the end %", "steps, s", "processor, s", "peak MiB")
    return ResultTable.from_values(heads, rows)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--path", type=Path, required=True, help="checkout of the public code")
    parser.add_argument("--population", type=Path, required=True, help="sine networks of images")
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--direction", choices=tuple(CONFIGS), default="forward")
    parser.add_argument("--networks", type=int, default=4000, help="training networks")
    parser.add_argument("--validation", type=int, default=500, help="validation networks")
    parser.add_argument("--test", type=int, default=1000, help="test networks")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="interpreter for the public code")
    parser.add_argument("--output", type=Path, default=Path("runs/public_code"), help="folder, new or empty")
    parser.add_argument("--only", choices=("public", "ours"), help="one side alone")
    options = parser.parse_args(argv)
    for name in ("features", "layers", "epochs", "networks", "validation", "test", "batch_size", "threads"):
        if getattr(options, name) < 1:
            raise ConfigurationError(
                f"--{name.replace('_', '-')} is {getattr(options, name)}, expected 1 or more"
            )
    return options


def race_public(options: argparse.Namespace, config: Path, *, race: Race) -> Side:
    record = config.with_name("public.jsonl")
    arguments = [
        "--conf",
        str(config),
        "--wandb",
        "True",
        "--num_workers",
        "0",
        "--train_args.seed",
        str(race.seed),
    ]
    command = [options.python, str(SIDE), "public", str(record), str(options.path), *arguments]
    run_side("the public code", command, threads=race.threads)
    return public_side(read_record(record), epochs=race.epochs)


def race_ours(population: Path, settings: Mapping[str, object], folder: Path, *, race: Race) -> Side:
    record, run = folder / "ours.jsonl", folder / "run"
    given = {"data.population": population, **settings, "output": run}
    options = [word for name, value in given.items() for word in (f"--{name}", yaml_word(value))]
    command = [sys.executable, str(SIDE), "ours", str(record), "--config", "inr_classification/fashion_mnist"]
    run_side("ours", [*command, *options], threads=race.threads)
    return our_side(read_record(record), run)


def yaml_word(value: object) -> str:
    """A value as an option of the command line."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    try:
        options = parse(argv)
        check_public(options.path)
        race = Race(
            features=options.features,
            layers=options.layers,
            epochs=options.epochs,
            direction=options.direction,
            batch_size=options.batch_size,
            seed=options.seed,
            threads=options.threads,
        )
        data = options.output.resolve() / "data"
        config = public_config(options.path, race, data=data / "files")
        population = Population.open(options.population)
        rows = choose(
            population,
            networks=options.networks,
            validation=options.validation,
            test=options.test,
            seed=options.seed,
        )
        write_data(population, rows, data)
        place = data.with_name("public.yml")
        place.write_text(yaml.safe_dump(config), encoding="utf-8")
        settings, sides = our_options(config, race), []
        if options.only != "ours":
            sides.append(race_public(options, place, race=race))
        if options.only != "public":
            sides.append(race_ours(data / "population", settings, data.parent, race=race))
        print(table(sides).to_markdown())
        facts = {"race": asdict(race), "networks": {name: len(part) for name, part in rows.items()}}
        facts |= {
            "public_configuration": config,
            "ours": {name: str(value) for name, value in settings.items()},
        }
        write_json(data.with_name("results.json"), {**facts, "sides": [asdict(side) for side in sides]})
    except (ScaleGMNError, OSError) as error:
        print(f"public_code: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
