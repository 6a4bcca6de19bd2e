"""Edits that Pillow computes, on images of 8 bits: contrast, brightness and sharpness."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np

from scalegmn.configuration import Natural, NonNegative, Positive
from scalegmn.editing.edits._image_edit import ImageEdit, refuse

if TYPE_CHECKING:
    from PIL.Image import Image

_WHITE: Final = 255


class PillowEdit(ImageEdit):
    """An edit of one 8-bit image after the other, gray or in color.

    Values are rounded to 256 levels first, and cut to [0, 1].
    """

    @abstractmethod
    def edit_one(self, image: Image) -> Image:
        """One edited image."""

    @final
    def transform(self, images: np.ndarray) -> np.ndarray:
        """All edited images."""
        # Loaded when needed: Pillow belongs to the extra `populations`.
        from PIL import Image

        if images.ndim == 4 and images.shape[3] != 3:
            refuse(self, [f"images have {images.shape[3]} channels, expected gray ones or three channels"])
        pixels = np.rint(images.clip(0, 1) * _WHITE).astype(np.uint8)
        edited = [np.asarray(self.edit_one(Image.fromarray(image))) for image in pixels]
        return np.stack(edited).astype(np.float32) / _WHITE


@final
@dataclass(frozen=True, kw_only=True)
class Contrast(PillowEdit):
    """Distances from the mean gray of the image, multiplied (``ImageEnhance.Contrast``).

    Attributes:
        factor: 0 gives a gray image, 1 changes nothing.
    """

    name = "contrast"
    factor: NonNegative = 1.5

    def edit_one(self, image: Image) -> Image:
        """One edited image."""
        from PIL import ImageEnhance

        return ImageEnhance.Contrast(image).enhance(self.factor)


@final
@dataclass(frozen=True, kw_only=True)
class Brightness(PillowEdit):
    """Values, multiplied (``ImageEnhance.Brightness``).

    Attributes:
        factor: 0 gives a black image, 1 changes nothing.
    """

    name = "brightness"
    factor: NonNegative = 1.5

    def edit_one(self, image: Image) -> Image:
        """One edited image."""
        from PIL import ImageEnhance

        return ImageEnhance.Brightness(image).enhance(self.factor)


@final
@dataclass(frozen=True, kw_only=True)
class Sharpening(PillowEdit):
    """Differences from the blurred image, added (unsharp masking, ``ImageFilter.UnsharpMask``).

    Attributes:
        radius: of the blur, in pixels.
        percent: how much of the difference is added.
    """

    name = "sharpening"
    radius: Positive = 1.0
    percent: Natural = 150

    def edit_one(self, image: Image) -> Image:
        """One edited image."""
        from PIL import ImageFilter

        return image.filter(ImageFilter.UnsharpMask(radius=self.radius, percent=self.percent, threshold=0))
