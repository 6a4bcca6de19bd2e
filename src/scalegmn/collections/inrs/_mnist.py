"""MNIST-INRs (Navon et al. 2023): one sine network per MNIST digit.

``mnist-inrs/mnist_png_{training|testing}_{label}_{image}/checkpoints/model_final.pth`` and
``mnist_splits.json`` with paths and labels, the labels as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from scalegmn.collections import (
    CLASSES,
    CollectionFile,
    LoadedNetworks,
    RefusedFile,
    Value,
    one_row,
    read_single,
    visible,
    write_single,
)
from scalegmn.collections.inrs._split_collection import SplitCollection

# Only the last two fields are known for sure; of the words before them it counts which set they name.
_FOLDER = re.compile(r"(?P<words>\w*(?P<set>train|test)\w*)_(?P<label>\d+)_(?P<image>\d+)")
_FILE = "checkpoints/model_final.pth"


@final
@dataclass(frozen=True)
class MnistInrs(SplitCollection):
    """The collection; columns `label`, `image` (number in the name of the folder) and `split`.

    Attributes:
        splits: the splits file, if it does not lie in the folder of the collection.
    """

    splits: Path | None = None

    name = "mnist_inrs"
    title: ClassVar[str] = "MNIST-INRs"
    networks_folder: ClassVar[str] = "mnist-inrs"
    splits_name: ClassVar[str] = "mnist_splits.json"
    path_components: ClassVar[int] = 3

    @property
    def labels_in_splits(self) -> bool:
        return True

    def scan_networks(self, folder: Path) -> tuple[list[CollectionFile], list[RefusedFile]]:
        entries, refused = [], []
        for path in visible(folder):
            if path.name == self.splits_name:
                continue
            found = _FOLDER.fullmatch(path.name) if path.is_dir() else None
            if found is None:
                reason = "expected folders mnist_png_{training|testing}_{label}_{image}"
                refused.append(RefusedFile(path.name, f"unknown name; {reason}"))
            elif int(found["label"]) >= CLASSES:
                refused.append(RefusedFile(path.name, f"label {found['label']}, expected 0 to {CLASSES - 1}"))
            elif not (path / _FILE).is_file():
                refused.append(RefusedFile(path.name, f"there is no {_FILE} in it"))
            else:
                columns = {"label": int(found["label"]), "image": int(found["image"]), "split": found["set"]}
                entries.append(CollectionFile(path / _FILE, path.name, columns))
        return entries, refused

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        theta, _ = read_single(entry, self.architecture)
        return LoadedNetworks(self.architecture, theta, one_row(entry.columns))

    def file_name(self, row: Mapping[str, Value]) -> str:
        self.refuse_copies(row)
        kind = "testing" if row["split"] == "test" else "training"
        return f"{self.networks_folder}/mnist_png_{kind}_{row['label']}_{row['image']}/{_FILE}"

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        write_single(path, networks, self.architecture)

    def splits_content(self, names: list[str], labels: list[int]) -> object:
        return {"path": names, "label": [str(label) for label in labels]}
