"""What a source of images is, and the list of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet
from scalegmn.registry import Lazy, Registry

_REMEDY: Final = "give the place of files as 'kind:path', or load the extension that has the source"


class ImageSource(ABC):
    """Images that have a name, by which populations say what they were made with."""

    name: str
    """By which they are asked for, and which records keep."""

    @abstractmethod
    def load(self, folder: str | Path | None) -> ImageSet:
        """The images; the same ones at every call, as what was made with them is checked against them.

        Args:
            folder: the data folder, where the user names one.

        Raises:
            ImageSourceError: they are not at hand; says what to do.
        """


@final
@dataclass(frozen=True)
class FileFormat:
    """A kind of files of images, which need no name: users give ``kind:path``.

    Attributes:
        name: the kind.
        read: the images of a file or folder.
    """

    name: str
    read: Callable[[Path], ImageSet]


IMAGE_SOURCES: Final = Registry[ImageSource](
    "source of images",
    entries={
        "digits": Lazy("scalegmn.images._digits:DIGITS"),
        "mnist": Lazy("scalegmn.images._known_files:MNIST"),
        "fashion_mnist": Lazy("scalegmn.images._known_files:FASHION_MNIST"),
        "cifar10": Lazy("scalegmn.images._known_files:CIFAR10"),
    },
    remedy=_REMEDY,
    error=ImageSourceError,
)
"""Images with names."""

FILE_FORMATS: Final = Registry[FileFormat](
    "kind of image files",
    entries={
        "npz": Lazy("scalegmn.images._npz:NPZ"),
        "idx": Lazy("scalegmn.images._idx:IDX"),
        "cifar10-binary": Lazy("scalegmn.images._cifar10:CIFAR10_BINARY"),
        "folder": Lazy("scalegmn.images._folder:FOLDER"),
    },
    error=ImageSourceError,
)
"""Kinds of files, which are given as ``kind:path``."""


def register_image_source(source: ImageSource) -> None:
    """Let commands, configurations and populations name a source.

    Raises:
        ImageSourceError: another source has the name.
    """
    IMAGE_SOURCES.register(source.name, source)


def register_file_format(kind: FileFormat) -> None:
    """Let commands and configurations name files of a kind.

    Raises:
        ImageSourceError: another kind has the name.
    """
    FILE_FORMATS.register(kind.name, kind)
