"""Published collections of networks: one format per file, for reading and for writing."""

from __future__ import annotations

from scalegmn.populations.readers.cifar10_inrs import Cifar10Inrs
from scalegmn.populations.readers.collection import Collection, Entry, Listing, Networks, Refusal
from scalegmn.populations.readers.fashion_mnist_inrs import FashionMnistInrs
from scalegmn.populations.readers.formats import COLLECTIONS, collection_named
from scalegmn.populations.readers.mnist_inrs import MnistInrs
from scalegmn.populations.readers.npz_inrs import NpzInrs
from scalegmn.populations.readers.small_cnn_zoo import SmallCnnZoo
from scalegmn.populations.readers.split_collection import SplitCollection, generate_splits
from scalegmn.populations.readers.wild_park import WildPark

__all__ = [
    "COLLECTIONS",
    "Cifar10Inrs",
    "Collection",
    "Entry",
    "FashionMnistInrs",
    "Listing",
    "MnistInrs",
    "Networks",
    "NpzInrs",
    "Refusal",
    "SmallCnnZoo",
    "SplitCollection",
    "WildPark",
    "collection_named",
    "generate_splits",
]
