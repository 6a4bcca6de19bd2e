"""Known collections of images, as files in the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet
from scalegmn.images._locations import data_folder, data_path
from scalegmn.images._source import FILE_FORMATS, ImageSource


@final
@dataclass(frozen=True)
class KnownFiles(ImageSource):
    """Images that lie in the data folder in one of several forms.

    Attributes:
        name: of the source.
        places: where each form is looked for, as ``kind:path``.
    """

    name: str
    places: tuple[str, ...]

    def load(self, folder: str | Path | None) -> ImageSet:
        root, stated = data_folder(folder)
        found = [place for place in self.places if (root / place.partition(":")[2]).exists()]
        if len(found) > 1:
            raise ImageSourceError(
                f"{str(root)!r} holds {self.name} more than once; say which one: "
                f"{' or '.join(map(repr, found))}"
            )
        if not found:
            expected = " or ".join(repr(place.partition(":")[2]) for place in self.places)
            raise ImageSourceError(
                f"no {expected} in {str(root)!r}, which {stated} names; put {self.name} there under one of "
                "these names, or give its place as 'kind:path'"
            )
        kind, _, path = found[0].partition(":")
        return FILE_FORMATS.get(kind).read(data_path(path, folder))


MNIST: Final = KnownFiles("mnist", ("npz:mnist.npz", "idx:mnist"))
FASHION_MNIST: Final = KnownFiles("fashion_mnist", ("npz:fashion_mnist.npz", "idx:fashion_mnist"))
CIFAR10: Final = KnownFiles("cifar10", ("npz:cifar10.npz", "cifar10-binary:cifar-10-batches-bin"))
