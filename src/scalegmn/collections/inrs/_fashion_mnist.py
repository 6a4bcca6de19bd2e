"""FashionMNIST-INRs (Navon et al. 2023): one sine network per FashionMNIST image.

``fmnist_inrs/{train,test}/model_{image}.pth``, each with an integer `label` beside the parameters, and
``fmnist_splits.json`` in one of two forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

from scalegmn.collections import (
    CollectionFile,
    LoadedNetworks,
    RefusedFile,
    Value,
    check_label,
    one_row,
    read_single,
    visible,
    write_single,
)
from scalegmn.collections.inrs._split_collection import SplitCollection
from scalegmn.errors import CheckpointError

_FILE = re.compile(r"model_(\d+)\.pth")


@final
@dataclass(frozen=True)
class FashionMnistInrs(SplitCollection):
    """The collection; columns `label`, `image` (number in the name of the file) and `split`.

    Attributes:
        splits: the splits file, if it does not lie in the folder of the collection.
        labeled_splits: whether a splits file that is written says the labels; both forms are read.
    """

    splits: Path | None = None
    labeled_splits: bool = False

    name = "fashion_mnist_inrs"
    title: ClassVar[str] = "FashionMNIST-INRs"
    networks_folder: ClassVar[str] = "fmnist_inrs"
    splits_name: ClassVar[str] = "fmnist_splits.json"
    path_components: ClassVar[int] = 2

    @property
    def labels_in_splits(self) -> bool:
        return self.labeled_splits

    def scan_networks(self, folder: Path) -> tuple[list[CollectionFile], list[RefusedFile]]:
        entries, refused = [], []
        for part in visible(folder):
            if part.name == self.splits_name:
                continue
            if part.name not in ("train", "test") or not part.is_dir():
                refused.append(RefusedFile(part.name, "unknown name; expected the folders train and test"))
                continue
            for path in visible(part):
                found = _FILE.fullmatch(path.name)
                if found is None:
                    refused.append(
                        RefusedFile(f"{part.name}/{path.name}", "unknown name; expected model_{image}.pth")
                    )
                else:
                    columns: dict[str, Value] = {"image": int(found[1]), "split": part.name}
                    entries.append(CollectionFile(path, f"{part.name}/{path.name}", columns))
        return entries, refused

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        theta, extras = read_single(entry, self.architecture, extras=("label",))
        if "label" not in extras:
            raise CheckpointError(f"{entry.path}: has no entry 'label' beside the parameters")
        label = check_label(extras["label"], str(entry.path))
        if entry.columns.get("label", label) != label:
            raise CheckpointError(
                f"{entry.path}: its label is {label}, but the splits file says {entry.columns['label']}"
            )
        row = {"label": label, **{k: v for k, v in entry.columns.items() if k != "label"}}
        return LoadedNetworks(self.architecture, theta, one_row(row))

    def file_name(self, row: Mapping[str, Value]) -> str:
        self.refuse_copies(row)
        return (
            f"{self.networks_folder}/{'test' if row['split'] == 'test' else 'train'}/model_{row['image']}.pth"
        )

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        label = check_label(networks.row(0)["label"], str(path))
        write_single(path, networks, self.architecture, extras={"label": label})

    def splits_content(self, names: list[str], labels: list[int]) -> object:
        return {"path": names, "label": labels} if self.labeled_splits else names
