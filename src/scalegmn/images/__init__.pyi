from ._image_set import ImageSet
from ._loading import load_images
from ._locations import DATA_VARIABLE
from ._source import (
    FILE_FORMATS,
    IMAGE_SOURCES,
    FileFormat,
    ImageSource,
    register_file_format,
    register_image_source,
)

__all__ = [
    "DATA_VARIABLE",
    "FILE_FORMATS",
    "IMAGE_SOURCES",
    "FileFormat",
    "ImageSet",
    "ImageSource",
    "load_images",
    "register_file_format",
    "register_image_source",
]
