"""The formats of published collections, by the names that commands use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from scalegmn.collections._published import PublishedFormat
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs
from scalegmn.collections.small_cnn_zoo import SmallCnnZoo
from scalegmn.collections.wild_park import WildPark
from scalegmn.registry import Lazy, Registry

_KNOWN: Final[tuple[PublishedFormat, ...]] = (
    MnistInrs(),
    FashionMnistInrs(),
    Cifar10Inrs(),
    Cifar10Inrs(augmented=True),
    NpzInrs(),
    WildPark(),
    SmallCnnZoo(),
)

COLLECTIONS: Final = Registry[PublishedFormat](
    "collection",
    entries={
        **{known.name: known for known in _KNOWN},
        "trojan_folders": Lazy("scalegmn.trojans.published:TROJAN_FOLDERS"),
    },
)
"""Formats with their usual options, by the names that commands use."""


def register_collection(collection: PublishedFormat) -> None:
    """Let commands import a format and, where it can be written, export to it.

    Args:
        collection: most are a :class:`~scalegmn.collections.Collection`.

    Raises:
        ConfigurationError: another format has the name.
    """
    COLLECTIONS.register(collection.name, collection)


def collection_named(name: str, *, splits: str | Path | None = None) -> PublishedFormat:
    """The format of a name.

    Args:
        name: one of :data:`COLLECTIONS`.
        splits: the splits file, for a format that has one and if it does not lie in the folder.

    Raises:
        ConfigurationError: an unknown name, or splits for a format without.
    """
    collection = COLLECTIONS.get(name)
    return collection if splits is None else collection.with_options(splits=Path(splits))
