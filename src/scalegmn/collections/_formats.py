"""The formats of published collections, by the names that commands use."""

from __future__ import annotations

from pathlib import Path

from scalegmn.collections._collection import Collection
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs
from scalegmn.collections.wild_park import WildPark
from scalegmn.errors import ConfigurationError

COLLECTIONS: dict[str, Collection] = {
    "mnist_inrs": MnistInrs(),
    "fashion_mnist_inrs": FashionMnistInrs(),
    "cifar10_inrs": Cifar10Inrs(),
    "cifar10_inrs_augmented": Cifar10Inrs(augmented=True),
    "npz_inrs": NpzInrs(),
    "wild_park": WildPark(),
}
"""The formats by the names that commands use."""


def collection_named(name: str, *, splits: str | Path | None = None) -> Collection:
    """The format of a name.

    Args:
        name: one of :data:`COLLECTIONS`.
        splits: the splits file, for a format that has one and if it does not lie in the folder.

    Raises:
        ConfigurationError: an unknown name, or splits for a format without.
    """
    if name not in COLLECTIONS:
        raise ConfigurationError(f"unknown collection {name!r}; known are {', '.join(COLLECTIONS)}")
    collection = COLLECTIONS[name]
    if splits is None:
        return collection
    match collection:
        case MnistInrs():
            return MnistInrs(splits=Path(splits))
        case FashionMnistInrs():
            return FashionMnistInrs(splits=Path(splits))
        case WildPark():
            return WildPark(splits=Path(splits))
    raise ConfigurationError(f"{collection.title} have no splits file, but {str(splits)!r} was given")
