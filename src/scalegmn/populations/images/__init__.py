"""Images that networks are fitted to, from an embedded set or from files."""

from __future__ import annotations

from scalegmn.populations.images.image_set import ImageSet
from scalegmn.populations.images.places import DATA_VARIABLE
from scalegmn.populations.images.sources import SOURCES, load_images

__all__ = ["DATA_VARIABLE", "SOURCES", "ImageSet", "load_images"]
