"""CNN Wild Park (Kofinas et al. 2024): convolutional networks of many architectures, fitted to CIFAR-10.

``cifar10_zooV2/{run}/checkpoint_{number}/checkpoint.pt``, several checkpoints of each run, and a file of
splits that also says accuracies.  A checkpoint holds a configuration of another library (OmegaConf), which
is read without that library: see :mod:`scalegmn.checkpoints._restricted_pickle`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, final

from scalegmn.checkpoints import ForeignCheckpoint, read_foreign
from scalegmn.collections import (
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    RefusedFile,
    Value,
    existing_folder,
    one_row,
    path_end,
    visible,
)
from scalegmn.collections.wild_park._config import layout_of
from scalegmn.collections.wild_park._splits import COMPONENTS, read_scores
from scalegmn.errors import CheckpointError, PopulationError

_CHECKPOINT = re.compile(r"checkpoint_\d+")
_FILE: Final = "checkpoint.pt"
_INPUTS: Final = 3
# Accuracies are counts of 10,000 images, so another network's differs by more than this.
_TOLERANCE: Final = 1e-6


@final
@dataclass(frozen=True)
class WildPark(Collection):
    """The collection.

    Columns: `run` (name of its folder), `step` (epochs of training), `test_accuracy`, `split`, `depth`
    (convolutions), `activations` (of the convolutions, joined by commas; ``none`` for the identity) and
    `residuals` (how many residual connections).

    A residual connection adds the output of an earlier convolution, as far as both have channels, before the
    activation.

    Attributes:
        splits: the splits file, if it does not lie in the folder.
    """

    splits: Path | None = None

    name = "wild_park"
    options: ClassVar[tuple[str, ...]] = ("splits",)
    writable: ClassVar[bool] = False
    title: ClassVar[str] = "CNN Wild Park"
    networks_folder: ClassVar[str] = "cifar10_zooV2"
    splits_name: ClassVar[str] = "cnn_park_splits.json"

    def scan(self, folder: Path) -> CollectionListing:
        inner = existing_folder(folder, self.title) / self.networks_folder
        runs = inner if inner.is_dir() else folder
        entries: list[CollectionFile] = []
        refused: list[RefusedFile] = []
        for run in visible(runs):
            if run.is_dir():
                for found in self._scan_run(run, folder):
                    if isinstance(found, CollectionFile):
                        entries.append(found)
                    else:
                        refused.append(found)
            elif run.name != self.splits_name:
                refused.append(RefusedFile(run.name, "unknown name; expected a folder for each run"))
        return CollectionListing(tuple(entries), tuple(refused))

    @staticmethod
    def _scan_run(run: Path, folder: Path) -> Iterator[CollectionFile | RefusedFile]:
        for checkpoint in visible(run):
            path = checkpoint / _FILE
            if _CHECKPOINT.fullmatch(checkpoint.name) and path.is_file():
                yield CollectionFile(path, path.relative_to(folder).as_posix(), {"run": run.name})
            elif checkpoint.is_dir():
                name = checkpoint.relative_to(folder).as_posix()
                yield RefusedFile(name, f"expected a folder checkpoint_{{number}} with a file {_FILE}")

    def entries(self, folder: Path) -> CollectionListing:
        listing = self.scan(folder)
        scores = read_scores(self.splits if self.splits is not None else folder / self.splits_name)
        entries: list[CollectionFile] = []
        refused = list(listing.refused)
        seen: set[str] = set()
        for entry in listing.entries:
            end = path_end(entry.path.as_posix(), components=COMPONENTS)
            seen.add(end)
            if end not in scores:
                refused.append(RefusedFile(entry.name, "not named in the splits file"))
                continue
            score = scores[end]
            columns: dict[str, Value] = {
                **entry.columns,
                "step": score.step,
                "test_accuracy": score.accuracy,
                "split": score.split,
            }
            entries.append(CollectionFile(entry.path, entry.name, columns))
        absent = [end for end in scores if end not in seen]
        refused += [RefusedFile(end, "named in the splits file, but there is no such file") for end in absent]
        return CollectionListing(tuple(entries), tuple(refused), listing.left_out)

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        checkpoint = read_foreign(entry.path)
        layout, outputs = layout_of(checkpoint)
        _check_score(checkpoint, entry.columns)
        architecture = layout.architecture(inputs=_INPUTS, outputs=outputs)
        theta = architecture.flatten(checkpoint.tensors("model"), origin=str(entry.path))
        columns: dict[str, Value] = {
            **entry.columns,
            "depth": len(layout.channels),
            "activations": ",".join(layout.activations),
            "residuals": len(architecture.skips),
        }
        return LoadedNetworks(architecture, theta[None], one_row(columns))

    def file_name(self, row: Mapping[str, Value]) -> str:
        raise PopulationError(
            f"{self.title} is read and not written, because its files hold objects of another library"
        )

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        self.file_name(networks.row(0))

    def companions(self, folder: Path) -> Mapping[str, Path]:
        path = self.splits if self.splits is not None else folder / self.splits_name
        return {self.splits_name: path} if path.is_file() else {}


def _check_score(checkpoint: ForeignCheckpoint, columns: Mapping[str, Value]) -> None:
    """Refuse a checkpoint that says other things about itself than the splits file does."""
    result = checkpoint.entries.get("last_result")
    accuracy = result.get("test/acc") if isinstance(result, dict) else None
    step = checkpoint.entries.get("iteration")
    known_step, known = columns.get("step"), columns.get("test_accuracy")
    if isinstance(step, int) and known_step is not None and step != known_step:
        raise CheckpointError(
            f"{checkpoint.origin}: says another step than the splits file, which says {known_step}"
        )
    if isinstance(accuracy, float) and known is not None and not abs(accuracy - float(known)) < _TOLERANCE:
        raise CheckpointError(
            f"{checkpoint.origin}: says the test accuracy {accuracy!r}, but the splits file says {known!r}"
        )
