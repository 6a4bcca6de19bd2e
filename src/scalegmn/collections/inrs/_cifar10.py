"""CIFAR10-INRs (Zhou et al. 2023): one sine network per CIFAR-10 image, and 20 more per training image.

``randinit_smaller_{label}s/net{image}.pth`` and, fitted to augmented copies of the training images,
``randinit_smaller_aug{k}_{label}s/net{image}.pth``.  The pattern ``randinit_smaller_*`` matches both, so
names are taken apart here, never matched with a wildcard.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, final

from scalegmn.collections import (
    CLASSES,
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    RefusedFile,
    Value,
    existing_folder,
    one_row,
    read_single,
    visible,
    write_single,
)
from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture, siren

_ARCHITECTURE = siren(widths=(2, 32, 32, 3), shift=0.0, names=("net.0.linear", "net.1.linear", "net.2"))
_FOLDER = re.compile(r"randinit_smaller_(?:aug(?P<augmentation>\d+)_)?(?P<label>\d+)s")
_FILE = re.compile(r"net(?P<image>\d+)\.pth")
_AUGMENTATIONS: Final = 20
_TRAIN: Final = 45_000
_VAL: Final = 50_000
_IMAGES: Final = 60_000
PLAIN = -1
"""Value of the column `augmentation` for networks of images as they are."""


def split_of(image: int) -> str:
    """The split of an image by its number: 45,000 for training, 5,000 for validation, 10,000 for testing."""
    return "train" if image < _TRAIN else "val" if image < _VAL else "test"


@final
@dataclass(frozen=True)
class Cifar10Inrs(Collection):
    """The collection; columns `label`, `image` (from 0 to 59,999), `split` and `augmentation`.

    `augmentation` is k for the networks of augmented copies and -1 for all others.

    Attributes:
        augmented: whether to read the networks of augmented copies as well.  Only those of training
            images are read, so that validation and test stay what they are without them.
    """

    augmented: bool = False

    title: ClassVar[str] = "CIFAR10-INRs"
    options: ClassVar[tuple[str, ...]] = ("augmented",)

    @property
    def name(self) -> str:
        return "cifar10_inrs_augmented" if self.augmented else "cifar10_inrs"

    @property
    def architecture(self) -> Architecture:
        """2-32-32-3 with sines of frequency 30."""
        return _ARCHITECTURE

    def scan(self, folder: Path) -> CollectionListing:
        entries: list[CollectionFile] = []
        refused: list[RefusedFile] = []
        left_out: Counter[str] = Counter()
        for part in visible(existing_folder(folder, self.title)):
            for found in self._scan_part(part):
                if isinstance(found, CollectionFile):
                    entries.append(found)
                elif isinstance(found, RefusedFile):
                    refused.append(found)
                else:
                    left_out[found] += 1
        entries.sort(key=lambda entry: (entry.columns["image"], entry.columns["augmentation"], entry.name))
        return CollectionListing(tuple(entries), tuple(refused), left_out)

    def _scan_part(self, part: Path) -> Iterator[CollectionFile | RefusedFile | str]:
        """Entries, refusals, and reasons for leaving a file out."""
        names = _FOLDER.fullmatch(part.name) if part.is_dir() else None
        if names is None:
            yield RefusedFile(part.name, "unknown name; expected folders randinit_smaller[_aug{k}]_{label}s")
            return
        label, augmentation = int(names["label"]), int(names["augmentation"] or PLAIN)
        if label >= CLASSES:
            yield RefusedFile(part.name, f"label {label}, expected 0 to {CLASSES - 1}")
            return
        if augmentation >= _AUGMENTATIONS:
            yield RefusedFile(part.name, f"augmentation {augmentation}, expected 0 to {_AUGMENTATIONS - 1}")
            return
        for path in visible(part):
            file = _FILE.fullmatch(path.name)
            image = int(file["image"]) if file else -1
            split = split_of(image)
            if not 0 <= image < _IMAGES:
                yield RefusedFile(
                    f"{part.name}/{path.name}", f"unknown name; expected net0.pth to net{_IMAGES - 1}.pth"
                )
            elif augmentation != PLAIN and not self.augmented:
                yield "networks of augmented images, which were not asked for"
            elif augmentation != PLAIN and split != "train":
                yield "networks of augmented images that are not for training"
            else:
                columns: dict[str, Value] = {"label": label, "image": image, "split": split}
                yield CollectionFile(
                    path, f"{part.name}/{path.name}", {**columns, "augmentation": augmentation}
                )

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        theta, _ = read_single(entry, self.architecture)
        return LoadedNetworks(self.architecture, theta, one_row(entry.columns))

    def file_name(self, row: Mapping[str, Value]) -> str:
        self.refuse_copies(row)
        image, augmentation = int(row["image"]), int(row.get("augmentation", PLAIN))
        # A maker numbers the test images from 0; here they follow the 50,000 others.
        if row["split"] == "test" and image < _VAL:
            image += _VAL
        if not 0 <= image < _IMAGES or (row["split"] == "test") != (image >= _VAL):
            raise PopulationError(
                f"{self.title} have no place for an image {image} of the {row['split']} split"
            )
        middle = "" if augmentation == PLAIN else f"aug{augmentation}_"
        return f"randinit_smaller_{middle}{row['label']}s/net{image}.pth"

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        write_single(path, networks, self.architecture)
