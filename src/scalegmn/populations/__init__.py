"""Many networks on disk: the packed store, sources of images, splits, makers and readers."""

from __future__ import annotations

from scalegmn.populations.images import ImageSet, load_images
from scalegmn.populations.splits import Splits, mnist_splits, split_by_column, split_by_group
from scalegmn.populations.store import Group, Population, PopulationWriter

__all__ = [
    "Group",
    "ImageSet",
    "Population",
    "PopulationWriter",
    "Splits",
    "load_images",
    "mnist_splits",
    "split_by_column",
    "split_by_group",
]
