"""From a packed population to the files of the Small CNN Zoo, for programs that read those."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from scalegmn.collections.small_cnn_zoo._collection import WEIGHTS
from scalegmn.collections.small_cnn_zoo._layout import LAYOUT, STRIDE, ZooLayout
from scalegmn.collections.small_cnn_zoo._metrics import (
    ACTIVATIONS,
    METRICS,
    PUBLISHED_NAMES,
    RESULTS,
    WHOLE,
    WORDS,
    check_suffix,
    with_suffix,
)
from scalegmn.csv_text import csv_cell
from scalegmn.disk import new_folder, writing
from scalegmn.errors import PopulationError
from scalegmn.networks import Activate, Conv, Dense, Dropout, Flatten, Layer, LayeredArchitecture, cnn
from scalegmn.populations import (
    DTYPE,
    NAMES,
    Population,
    Splits,
    explain_arrow_errors,
    progress_bar,
    write_atomically,
)

SPLITS: Final = "splits.json"
# Networks in memory at a time.
_CHUNK: Final = 2048


@dataclass(frozen=True)
class ZooReport:
    """What :func:`write_zoo` wrote.

    Attributes:
        folder: of the files.
        networks: rows of ``weights.npy``.
        diverged: networks that are marked as diverged and were left out: the files have no place for a mark.
        padding: of every convolution; no file says it, so whoever reads them must be told.
    """

    folder: Path
    networks: int
    diverged: int
    padding: int


def write_zoo(
    population: Population, folder: str | Path, *, suffix: str = "", progress: bool = True
) -> ZooReport:
    """Write ``weights.npy``, ``metrics.csv.gz`` and ``layout.csv`` as the zoo was published.

    The rows are the networks in their order.  Of the 22 columns, `epoch` and the four results are needed;
    the activation, the number of convolutions and of their channels come from the architectures, the runs
    from `network`, what the population does not know is an empty cell, and what the table has no column
    for is left out, except for `split`: it becomes ``splits.json``, lists of rows for
    :meth:`~scalegmn.populations.Splits.read`, which other programs may ignore, and for `poisoned`,
    which becomes a further column of 0 and 1, as in the trojaned zoo.

    Args:
        population: networks such as :func:`~scalegmn.networks.cnn` makes by default, with relu or
            tanh, padding 0 or 1, and any numbers of channels, classes and kernel size.
        folder: a new or empty folder.
        suffix: of the names of weights and table; with one the table is not packed: ``_new`` makes
            ``weights_new.npy`` and ``metrics_new.csv``, the files of the trojaned zoo.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: the suffix cannot be part of a name.
        PopulationError: the folder is in use, a network is of another kind or of other sizes than the
            rest, a column is missing, or a result is not finite.
    """
    check_suffix(suffix)
    rows = np.arange(len(population))
    if "diverged" in population.columns:
        rows = rows[~population.column("diverged").astype(bool)]
    if not len(rows):
        raise PopulationError(f"{population.folder}: has no networks that could be written")
    with new_folder(folder) as place:
        kind = write_zoo_files(population, place, rows=rows, suffix=suffix, progress=progress)
        if "split" in population.columns:
            words = population.column("split")[rows]
            Splits(**{name: np.flatnonzero(words == name) for name in NAMES}).write(place / SPLITS)
    return ZooReport(Path(folder), len(rows), len(population) - len(rows), kind.padding)


def write_zoo_files(
    population: Population,
    place: Path,
    *,
    rows: np.ndarray,
    suffix: str = "",
    known: Mapping[str, pa.Array] | None = None,
    results: bool = True,
    progress: bool = True,
) -> ZooFormat:
    """Write weights, table and layout of some networks into a folder that is there.

    Args:
        population: as for :func:`write_zoo`.
        place: the folder.
        rows: of the networks, in the order of the files.
        suffix: as for :func:`write_zoo`.
        known: columns of these networks, by their names here, in the place of those of the population.
        results: whether a population without results is refused; otherwise their cells are empty.
        progress: show a progress bar on the standard error stream.

    Returns:
        The sizes that all have.

    Raises:
        PopulationError: as for :func:`write_zoo`.
    """
    weights, metrics = with_suffix(WEIGHTS, suffix), with_suffix(METRICS, suffix)
    metrics = metrics.removesuffix(".gz") if suffix else metrics
    kinds = [
        zoo_kind(architecture.layered(reader="the Small CNN Zoo"))
        for architecture in population.architectures
    ]
    layouts = {(kind.channels, kind.classes, kind.kernel, kind.padding) for kind in kinds}
    if len(layouts) != 1:
        raise PopulationError(
            f"{population.folder}: has {len(layouts)} kinds of networks ((channels), classes, kernel, "
            f"padding): {sorted(layouts)}; the files of a zoo hold one; make a population of each"
        )
    layout = ZooLayout.from_sizes(
        channels=kinds[0].channels, classes=kinds[0].classes, kernel=kinds[0].kernel
    )
    table = _table(population, kinds, rows, known=known or {}, results=results)
    _write_weights(population, rows, layout, place / weights, progress=progress)
    packed = _packed(table)
    write_atomically(place / metrics, gzip.decompress(packed) if suffix else packed)
    write_atomically(place / LAYOUT, layout.to_csv().encode())
    return kinds[0]


@dataclass(frozen=True)
class ZooFormat:
    """What tells networks of the zoo's kind apart; every convolution has the same of each."""

    channels: tuple[int, ...]
    classes: int
    kernel: int
    padding: int
    activation: str


def zoo_kind(architecture: LayeredArchitecture) -> ZooFormat:
    """The sizes of a network that the zoo can hold, whatever the names of its layers.

    Raises:
        PopulationError: it cannot; names the first layer that differs.
    """
    # Both do nothing here, and makers differ in whether they state them.
    layers = [layer for layer in architecture.layers if not isinstance(layer, Dropout)]
    layers = [Flatten((1, 1)) if isinstance(layer, Flatten) else layer for layer in layers]
    convolutions = [layer for layer in layers if isinstance(layer, Conv)]
    activates = [layer for layer in layers if isinstance(layer, Activate)]
    dense = layers[-1]
    rule = (
        f"expected convolutions of stride {STRIDE} with a bias, square kernels of one size, padding 0 or 1 "
        f"and {' or '.join(ACTIVATIONS)}, then a global average pool and one dense layer"
    )
    refusal = f"networks {architecture.describe()} cannot be stored as a Small CNN Zoo: "
    if not convolutions or not activates or not isinstance(dense, Dense) or architecture.skips:
        parts = [type(layer).__name__ for layer in layers] + ["Skip"] * len(architecture.skips)
        raise PopulationError(f"{refusal}they consist of {parts}; {rule}")
    first, activation = convolutions[0], activates[0].activation
    expected = cnn(
        channels=[first.inputs, *(layer.outputs for layer in convolutions)],
        classes=dense.outputs,
        activations=[activation] * len(convolutions),
        kernel=first.kernel[0],
        stride=STRIDE,
        padding=first.padding[0],
    )
    for given, wanted in itertools.zip_longest(layers, expected.layers):
        if _nameless(given) != _nameless(wanted):
            raise PopulationError(f"{refusal}{given} where {wanted} is needed; {rule}")
    if activation.kind not in ACTIVATIONS or first.padding[0] not in (0, 1):
        raise PopulationError(f"{refusal}{activation} and padding {first.padding[0]}; {rule}")
    channels = (first.inputs, *(layer.outputs for layer in convolutions))
    return ZooFormat(channels, dense.outputs, first.kernel[0], first.padding[0], activation.kind)


def _nameless(layer: Layer | None) -> Layer | None:
    return dataclasses.replace(layer, name="") if isinstance(layer, Conv | Dense) else layer


def _table(
    population: Population,
    kinds: list[ZooFormat],
    rows: np.ndarray,
    *,
    known: Mapping[str, pa.Array],
    results: bool,
) -> dict[str, list[object]]:
    """The 22 columns under their published names."""
    needed = ("epoch", *(RESULTS if results else ()))
    missing = [name for name in needed if name not in population.columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no columns {missing}, which the table of a zoo needs; there are "
            f"{list(population.columns)}"
        )
    for result in (one for one in RESULTS if one in population.columns):
        wrong = rows[~np.isfinite(population.column(result)[rows].astype(np.float64))]
        if len(wrong):
            raise PopulationError(
                f"{population.folder}: {result!r} of {len(wrong)} networks is NaN or infinite, first of "
                f"network {wrong[0]}; mark them in the column 'diverged' to leave them out"
            )
    stored = population.metadata.take(pa.array(rows))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {**_derived(population, kinds, rows)}
    for name in PUBLISHED_NAMES:
        if name in population.columns and name != "activation":
            columns[name] = stored[name]
    columns |= known
    table = {}
    for name, published in PUBLISHED_NAMES.items():
        kind = pa.int64() if name in WHOLE else pa.string() if name in WORDS else pa.float64()
        with explain_arrow_errors(f"{population.folder}: column {name!r} does not fit the table of a zoo"):
            table[published] = columns.get(name, pa.nulls(len(rows))).cast(kind).to_pylist()
    if "poisoned" in population.columns:
        table["poisoned"] = [int(value) for value in population.column("poisoned")[rows]]
    return table


def _derived(population: Population, kinds: list[ZooFormat], rows: np.ndarray) -> Mapping[str, pa.Array]:
    """Columns that follow from the architectures and the runs, for populations that do not have them."""
    network = population.column("network")[rows] if "network" in population.columns else rows
    epoch = population.column("epoch")[rows]
    if epoch.dtype.kind not in "iu":
        raise PopulationError(
            f"{population.folder}: column 'epoch' has type {epoch.dtype}, expected whole numbers in every row"
        )
    runs, members = np.unique(network, return_inverse=True)
    last = np.full(len(runs), epoch.min())
    np.maximum.at(last, members, epoch)
    images = population.provenance.get("images")
    units = set(kinds[0].channels[1:])
    words = np.array([kind.activation for kind in kinds], object)
    return {
        "activation": pa.array(words[population.column("architecture")[rows]], pa.string()),
        "dataset": pa.array([images if isinstance(images, str) else None] * len(rows), pa.string()),
        "dnn_architecture": pa.array(["cnn"] * len(rows)),
        "epochs": pa.array(last[members]),
        "num_layers": pa.array([len(kinds[0].channels) - 1] * len(rows)),
        "num_units": pa.array([units.pop() if len(units) == 1 else None] * len(rows), pa.int64()),
        "modeldir": pa.array([f"network_{number}" for number in network.tolist()]),
    }


def _packed(table: Mapping[str, list[object]]) -> bytes:
    """The content of ``metrics.csv.gz``.  Numbers are written so that reading gives them back to the bit."""
    packed = io.BytesIO()
    # Without a time, so that equal networks make equal files.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(map(csv_cell, table))
        lines.writerows(map(csv_cell, row) for row in zip(*table.values(), strict=True))
    return packed.getvalue()


def _write_weights(
    population: Population, rows: np.ndarray, layout: ZooLayout, path: Path, *, progress: bool
) -> None:
    header = {"descr": DTYPE.str, "fortran_order": False, "shape": (len(rows), layout.width)}
    with writing(path), path.open("xb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        with progress_bar("writing networks", total=len(rows), show=progress) as advance:
            for block in _blocks(population, rows, layout):
                file.write(block.data.cast("B"))
                advance(len(block))
        file.flush()
        os.fsync(file.fileno())


def _blocks(population: Population, rows: np.ndarray, layout: ZooLayout) -> Iterator[np.ndarray]:
    """Rows of the file, piece by piece."""
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        block = np.empty((len(chosen), layout.width), DTYPE)
        for _, positions, theta in population.groups(chosen):
            block[positions.numpy()] = theta.numpy()[:, layout.inverse]
        yield block
