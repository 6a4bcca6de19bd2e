"""The table of the Small CNN Zoo: hyper-parameters and results of every row of ``weights.npy``.

``metrics.csv.gz``, or the same file unpacked.  A run left several checkpoints, which fraction `modeldir`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import unescape_formulas

METRICS: Final = "metrics.csv.gz"
ACTIVATIONS: Final = ("relu", "tanh")

PUBLISHED_NAMES: Final = {
    "activation": "config.activation",
    "b_init": "config.b_init",
    "dataset": "config.dataset",
    "dnn_architecture": "config.dnn_architecture",
    "dropout": "config.dropout",
    "epochs": "config.epochs",
    "epochs_between_checkpoints": "config.epochs_between_checkpoints",
    "init_std": "config.init_std",
    "l2": "config.l2reg",
    "learning_rate": "config.learning_rate",
    "num_layers": "config.num_layers",
    "num_units": "config.num_units",
    "optimizer": "config.optimizer",
    "seed": "config.random_seed",
    "train_fraction": "config.train_fraction",
    "w_init": "config.w_init",
    "modeldir": "modeldir",
    "epoch": "step",
    "test_accuracy": "test_accuracy",
    "test_loss": "test_loss",
    "train_accuracy": "train_accuracy",
    "train_loss": "train_loss",
}
"""The 22 columns in their published order: names here, and names in the file."""

WHOLE: Final = ("epochs", "epochs_between_checkpoints", "num_layers", "num_units", "seed", "epoch")
"""Columns of whole numbers."""
WORDS: Final = ("activation", "b_init", "dataset", "dnn_architecture", "optimizer", "w_init", "modeldir")
"""Columns of words; all others hold real numbers."""
RESULTS: Final = ("test_accuracy", "test_loss", "train_accuracy", "train_loss")
"""Columns that every network must have finite numbers in."""
ADDED: Final = ("network", "diverged", "row", "split")
"""Columns of a population that are no columns of the file."""

# A number at the end of the name of a run, of a size that fits 64 bits.
_RUN: Final = re.compile(r"(?:.*[^0-9])?([0-9]{1,18})/?", re.ASCII | re.DOTALL)


def with_suffix(name: str, suffix: str) -> str:
    """The name of a file of a zoo whose names have a suffix: ``weights.npy`` becomes ``weights_new.npy``."""
    stem, _, end = name.partition(".")
    return f"{stem}{suffix}.{end}"


def check_suffix(suffix: str) -> None:
    """Refuse what cannot be part of the name of a file.

    Raises:
        ConfigurationError: it has other characters than letters, digits, dashes and underscores.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]*", suffix):
        raise ConfigurationError(
            f"suffix is {suffix!r}, expected letters, digits, dashes and underscores, such as '_new'"
        )


def metrics_file(folder: Path, *, suffix: str = "") -> Path:
    """The table in a folder of the zoo, packed or not.

    Raises:
        PopulationError: there is none, or there are both.
    """
    packed = folder / with_suffix(METRICS, suffix)
    plain = packed.with_name(packed.name.removesuffix(".gz"))
    found = [path for path in (packed, plain) if path.is_file()]
    if len(found) != 1:
        what = f"both {packed.name} and {plain.name}" if found else f"neither {packed.name} nor {plain.name}"
        raise PopulationError(f"{folder}: has {what}, expected one of them")
    return found[0]


def read_zoo_metrics(path: Path) -> pa.Table:
    """The table under the names that populations made here use, one row per row of ``weights.npy``.

    The columns are those of :data:`PUBLISHED_NAMES`, then `network`, the number of the run, then any others
    that the file has.  Cells may be empty but for activation, `modeldir` and step.

    Raises:
        PopulationError: the file is damaged, has no such columns, or values of another type.
    """
    table = _read(path)
    missing = [name for name in PUBLISHED_NAMES.values() if name not in table.column_names]
    if missing:
        raise PopulationError(
            f"{path}: has no columns {missing}; expected {list(PUBLISHED_NAMES.values())}, "
            f"found {table.column_names}"
        )
    columns = {name: table[published].combine_chunks() for name, published in PUBLISHED_NAMES.items()}
    for name in WHOLE:
        columns[name] = _whole(columns[name], PUBLISHED_NAMES[name], path)
    for name in ("activation", "modeldir", "epoch"):
        if columns[name].null_count:
            row = pc.index(columns[name].is_null(), True).as_py()
            raise PopulationError(f"{path}, row {row}: no {PUBLISHED_NAMES[name]!r}, which every row needs")
    unknown = pc.unique(columns["activation"]).to_pylist()
    unknown = [word for word in unknown if word not in ACTIVATIONS]
    if unknown:
        row = pc.index(columns["activation"], unknown[0]).as_py()
        raise PopulationError(
            f"{path}, row {row}: the activation is {unknown[0]!r}, expected {' or '.join(ACTIVATIONS)}"
        )
    columns["network"] = pa.array(run_numbers(columns["modeldir"]))
    return pa.table({**columns, **_others(table, taken=(*columns, *ADDED), path=path)})


def run_numbers(modeldir: pa.Array) -> np.ndarray:
    """Which run each row is of, ``(N,)`` int64.

    It is the number that the name of the run ends in if all names do, each in its own; otherwise runs are
    counted in the order in which they appear.
    """
    encoded = modeldir.dictionary_encode()
    runs = encoded.dictionary.to_pylist()
    found = [_RUN.fullmatch(run) for run in runs]
    numbers = np.array([int(match[1]) if match else -1 for match in found], np.int64)
    if (numbers < 0).any() or len(np.unique(numbers)) != len(numbers):
        numbers = np.arange(len(runs))
    return np.asarray(numbers[encoded.indices.to_numpy()])


def _read(path: Path) -> pa.Table:
    words = {PUBLISHED_NAMES[name]: pa.string() for name in (*WORDS, *WHOLE)}
    reals = {name: pa.float64() for name in PUBLISHED_NAMES.values() if name not in words}
    try:
        table = csv.read_csv(
            path,
            # Other threads of Arrow's may outlive the interpreter; see `columns.from_parquet`.
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=False),
            convert_options=csv.ConvertOptions(column_types={**words, **reals}, strings_can_be_null=True),
        )
        table = unescape_formulas(table)
        names = table.column_names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PopulationError(
            f"{path}: cannot be read as the table of the zoo ({error}); restore the file"
        ) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PopulationError(f"{path}: has more than one column called {twice}; expected one of each")
    return table


def _whole(texts: pa.Array, name: str, path: Path) -> pa.Array:
    """Whole numbers, which some programs write as ``86.0``."""
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    try:
        return texts.cast(pa.float64()).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise PopulationError(f"{path}: {name!r} holds something else than whole numbers: {error}") from error


def _others(table: pa.Table, *, taken: tuple[str, ...], path: Path) -> dict[str, pa.Array]:
    """Columns beyond the published ones.  One without a name is the row number that some programs add."""
    found = {}
    for published in table.column_names:
        if published in PUBLISHED_NAMES.values() or not published:
            continue
        name = published.removeprefix("config.")
        if name in taken or name in found or name == "architecture":
            raise PopulationError(
                f"{path}: its column {published!r} would be called {name!r} in the population, which is the "
                "name of another one; rename it in the file"
            )
        found[name] = table[published].combine_chunks()
    return found
