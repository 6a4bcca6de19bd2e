"""Small CNN Zoo (Unterthiner et al. 2020): 30,000 trained CNNs per data set, nine checkpoints of each.

``weights.npy`` (float32, one row per checkpoint), ``metrics.csv.gz``, ``layout.csv`` and, in later work,
``*_split.csv``.  Three 3 x 3 convolutions of stride 2 with 16 channels, relu or tanh, a global average pool
and a dense layer; the input is the mean over the colors, scaled to [-1, 1].
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scalegmn.collections import ImportReport, PublishedFormat, existing_folder
from scalegmn.collections.small_cnn_zoo._folder import DTYPE, ZooFolder
from scalegmn.collections.small_cnn_zoo._layout import LAYOUT, ZooLayout
from scalegmn.collections.small_cnn_zoo._metrics import (
    ACTIVATIONS,
    check_suffix,
    metrics_file,
    read_zoo_metrics,
    with_suffix,
)
from scalegmn.collections.small_cnn_zoo._splits import (
    SplitRule,
    clean_splits,
    doubled_row,
    published_splits,
    read_order,
    split_file,
)
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import Population

WEIGHTS: Final = "weights.npy"
LAST_STEP: Final = 86


@final
@dataclass(frozen=True, kw_only=True)
class SmallCnnZoo(PublishedFormat):
    """Which networks of the zoo to read, and how.

    The columns are those of the file under the names that populations made here use (`l2` for
    ``config.l2reg``, `seed` for ``config.random_seed``, `epoch` for ``step``, otherwise without
    ``config.``), `network` (the run, from `modeldir`), `diverged` (False: rows that hold NaN or infinity are
    refused), `row` (in ``weights.npy``) and, with a `split_rule`, `split`.

    Attributes:
        padding: of every convolution: 0 in the original; 1 in a later re-run, whose networks are other
            functions.  No file says it.
        activation: read only networks with this one, ``relu`` or ``tanh``.
        step: read only checkpoints of this epoch; None for all.
        split_rule: how the split file is read; see :mod:`small_cnn_zoo_splits
            <scalegmn.collections.small_cnn_zoo._splits>`.  None for no splits.
        splits: the split file, if it is not the only ``*_split.csv`` in the folder.
        suffix: of the names of weights and table: the trojaned zoo of a later work has ``weights_new.npy``
            and ``metrics_new.csv``, with a further column `poisoned` (0 or 1), and no split file.

    Raises:
        ConfigurationError: an option that the zoo does not have.
    """

    padding: int = 0
    activation: str | None = None
    step: int | None = LAST_STEP
    split_rule: SplitRule | None = "clean"
    splits: Path | None = None
    suffix: str = ""

    name = "small_cnn_zoo"
    title: ClassVar[str] = "Small CNN Zoo"
    options: ClassVar[tuple[str, ...]] = (
        "padding",
        "activation",
        "step",
        "split_rule",
        "splits",
        "suffix",
    )
    unit: ClassVar[str] = "rows"
    writable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.padding not in (0, 1):
            raise ConfigurationError(
                f"padding is {self.padding}, expected 0 (original) or 1 (the later re-run)"
            )
        if self.activation not in (None, *ACTIVATIONS):
            raise ConfigurationError(
                f"activation is {self.activation!r}, expected {' or '.join(ACTIVATIONS)}, of which "
                f"{self.title} has networks"
            )
        check_suffix(self.suffix)
        if self.splits is not None and self.split_rule is None:
            raise ConfigurationError(
                f"the split file {str(self.splits)!r} was given, but no rule how to read it; expected the "
                "rule 'published' or 'clean', or no split file"
            )

    @property
    def described(self) -> str:
        return f"{self.title} (padding {self.padding})"

    def read_into(
        self,
        folder: str | Path,
        *,
        source: str | Path,
        workers: int | None = None,
        cluster: str | None = None,
        resume: bool = False,
        progress: bool = True,
    ) -> ImportReport:
        from scalegmn.collections.small_cnn_zoo._importing import import_zoo

        return import_zoo(self, source, folder, resume=resume, progress=progress)

    def write(self, population: Population, folder: str | Path, *, progress: bool = True) -> tuple[str, ...]:
        from scalegmn.collections.small_cnn_zoo._writing import write_zoo

        report = write_zoo(population, folder, suffix=self.suffix, progress=progress)
        said = (
            f"{report.networks} networks are in {report.folder}, as a Small CNN Zoo",
            f"their convolutions have padding {report.padding}, which no file says; tell who reads them",
        )
        left_out = f"{report.diverged} networks that diverged were left out"
        return (*said, left_out) if report.diverged else said

    def open(self, folder: str | Path) -> ZooFolder:
        """Look at the files and choose the networks to read.

        Raises:
            PopulationError: a file is missing or damaged, the files disagree, or nothing is left to read.
        """
        folder = existing_folder(Path(folder), self.title)
        layout = ZooLayout.read(folder / LAYOUT)
        weights = folder / with_suffix(WEIGHTS, self.suffix)
        rows, offset = _open_weights(weights, layout)
        path = metrics_file(folder, suffix=self.suffix)
        metrics = read_zoo_metrics(path)
        if metrics.num_rows != rows:
            raise PopulationError(
                f"{path}: has {metrics.num_rows} rows, but {weights} has {rows}; expected one row "
                "for each network; take both from the same download"
            )
        chosen, left_out, remarks = self._choose(metrics, folder)
        digests = {name: _sha256(part) for name, part in (("metrics", path), ("layout", folder / LAYOUT))}
        if self.split_rule is not None:
            digests["splits"] = _sha256(split_file(folder, self.splits))
        channels = layout.kernels[0][2]
        provenance = {
            "collection": self.title,
            "source": folder.name,
            "dataset": sorted(pc.unique(metrics["dataset"]).drop_null().to_pylist()),
            "padding": self.padding,
            # As makers state it: what the networks expect to be shown.
            "preprocessing": {"range": [-1, 1], "grayscale": channels == 1, "channels": channels},
            "activation": self.activation,
            "step": self.step,
            "split_rule": self.split_rule,
            "rows": rows,
            "networks": chosen.num_rows,
            "left_out": left_out,
            "sha256": digests,
        }
        return ZooFolder(weights, offset, layout, self.padding, chosen, left_out, remarks, provenance)

    def _choose(self, metrics: pa.Table, folder: Path) -> tuple[pa.Table, dict[str, int], tuple[str, ...]]:
        """The table of the networks to read, in the order of the file; what was left out; remarks."""
        left_out, remarks = {}, []
        epoch = metrics["epoch"].to_numpy()
        wanted = np.full(len(epoch), True) if self.step is None else epoch == self.step
        if not wanted.all():
            left_out[f"rows of other steps than {self.step}"] = int((~wanted).sum())
        rows, words = np.flatnonzero(wanted), None
        if self.split_rule is not None:
            path = split_file(folder, self.splits)
            order, header = read_order(path, rows=len(epoch))
            if self.split_rule == "published":
                rows, words = published_splits(order, header=header, wanted=wanted)
            else:
                run = metrics["network"].to_numpy()
                rows, words = clean_splits(order, wanted=wanted, run=run, epoch=epoch)
            if unnamed := int(wanted.sum()) - len(np.unique(rows)):
                left_out[f"rows that {path.name} does not name"] = unnamed
        if self.activation is not None:
            mine = pc.equal(metrics["activation"], self.activation).to_numpy(zero_copy_only=False)[rows]
            left_out[f"rows with another activation than {self.activation}"] = int((~mine).sum())
            rows, words = rows[mine], None if words is None else words[mine]
        if not len(rows):
            raise PopulationError(
                f"{folder}: no network is left to read of {len(epoch)}; left out: {left_out}; there are the "
                f"steps {np.unique(epoch).tolist()}"
            )
        table = metrics.take(pa.array(rows))
        table = table.append_column("diverged", pa.array(np.zeros(len(rows), bool)))
        table = table.append_column("row", pa.array(rows))
        if words is not None:
            table = table.append_column("split", pa.array(words, pa.string()))
            if twice := doubled_row(rows, words):
                remarks.append(
                    f"row 0 of {WEIGHTS} is there twice, in {' and '.join(twice)}, because the published "
                    "code takes the header of the split file for it"
                )
        return table, left_out, tuple(remarks)


def _open_weights(path: Path, layout: ZooLayout) -> tuple[int, int]:
    """Rows of the file, and the byte at which the first one begins."""
    if not path.is_file():
        raise PopulationError(f"{path}: there is no such file; expected the weights of all networks")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise PopulationError(f"{path}: damaged, or no .npy file ({error}); restore it") from error
    if array.ndim != 2 or array.dtype != DTYPE or not array.flags.c_contiguous:
        order = "rows" if array.flags.c_contiguous else "columns"
        raise PopulationError(
            f"{path}: has shape {array.shape}, type {array.dtype} and lies in the file by {order}; expected "
            "(networks, numbers), float32, by rows"
        )
    if array.shape[1] != layout.width:
        raise PopulationError(
            f"{path}: has {array.shape[1]} numbers per row, but {layout.origin} has places for "
            f"{layout.width}; take both from the same download"
        )
    return array.shape[0], int(array.offset)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
