from ._image_set import ImageSet
from ._locations import DATA_VARIABLE
from ._sources import SOURCES, load_images

__all__ = ["DATA_VARIABLE", "SOURCES", "ImageSet", "load_images"]
