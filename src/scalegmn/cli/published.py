"""The published collections by the names that commands know them by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from scalegmn.cli.output import say
from scalegmn.collections import Collection, RefusedFile
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs
from scalegmn.collections.wild_park import WildPark
from scalegmn.errors import ConfigurationError

CollectionName = Literal["mnist_inrs", "fashion_mnist_inrs", "cifar10_inrs", "npz_inrs", "wild_park"]
COLLECTION_NAMES: tuple[CollectionName, ...] = get_args(CollectionName)
ImportName = CollectionName | Literal["small_cnn_zoo", "checkpoints"]
"""What can be imported; the zoo is one large file, and files of one's own are described by a table."""


def collection_called(
    name: CollectionName, *, splits: Path | None = None, augmented: bool = False
) -> Collection:
    """The collection, with those of its options that it has.

    Raises:
        ConfigurationError: it has no such option.
    """
    if splits is not None and name not in ("mnist_inrs", "fashion_mnist_inrs", "wild_park"):
        raise ConfigurationError(f"--splits was given, but {name} has no splits file; leave it out")
    if augmented and name != "cifar10_inrs":
        raise ConfigurationError(f"--augmented was given, but {name} has no augmented copies; leave it out")
    match name:
        case "mnist_inrs":
            return MnistInrs(splits=splits)
        case "fashion_mnist_inrs":
            return FashionMnistInrs(splits=splits)
        case "cifar10_inrs":
            return Cifar10Inrs(augmented=augmented)
        case "npz_inrs":
            return NpzInrs()
        case "wild_park":
            return WildPark(splits=splits)


def print_refusals(refused: tuple[RefusedFile, ...]) -> None:
    """One line for each thing that was not read."""
    for refusal in refused:
        say(f"  refused {refusal.name}: {refusal.reason}")
