"""What every edit of images is, and the checks that hold for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from scalegmn.configuration import Configuration
from scalegmn.errors import ConfigurationError

ImageFunction = Callable[[np.ndarray], np.ndarray]
"""A function of images ``(n, H, W)`` or ``(n, H, W, C)``, float32, about 0 to 1, that gives as many back."""

# Images that are edited at once: bounds the memory that a filter takes.
_PORTION: Final = 4096
# Drawings and edits go beyond 0 and 1; bytes go further.
_LARGEST: Final = 16


class ImageEdit(Configuration, ABC):
    """A function of images whose parameters are fields.

    An edit changes every image by itself: what becomes of one does not depend on the others.
    """

    name: str
    """Name in configurations."""

    @abstractmethod
    def transform(self, images: np.ndarray) -> np.ndarray:
        """The edited images, in a new array of the same shape.

        Args:
            images: ``(n, H, W)`` or ``(n, H, W, C)``, float32, from 0 (black) to 1 (white).
        """

    @final
    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Edited images in float32, of the same shape.

        Args:
            images: ``(n, H, W)`` or ``(n, H, W, C)``, floating point, from 0 to 1.

        Raises:
            ConfigurationError: `images` have another shape, type or scale, or the edit gives something else
                than finite images of this shape and scale; names the edit.
        """
        if images.ndim not in (3, 4) or not np.issubdtype(images.dtype, np.floating):
            raise ConfigurationError(
                f"edit {self.name!r}: images have shape {images.shape} and type {images.dtype}, expected "
                "(n, H, W) or (n, H, W, C) of floating point from 0 to 1"
            )
        self._check_scale(images, "images have")
        result = np.empty(images.shape, np.float32)
        for start in range(0, len(images), _PORTION):
            # A copy, so that an edit that works in place does not change the images themselves.
            part = images[start : start + _PORTION].astype(np.float32)
            result[start : start + _PORTION] = self._checked(self.transform(part), part.shape)
        return result

    def _checked(self, edited: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if edited.shape != shape:
            raise ConfigurationError(
                f"edit {self.name!r}: gave shape {edited.shape} for images of shape {shape}; expected the "
                "same shape, every image edited and of the same size"
            )
        numbers = edited.dtype.kind in "fiub"
        if not numbers or not np.isfinite(edited).all():
            wrong = f"{int((~np.isfinite(edited)).sum())} NaN or infinite" if numbers else str(edited.dtype)
            raise ConfigurationError(
                f"edit {self.name!r}: gave {wrong} values among {edited.size}; expected finite numbers"
            )
        self._check_scale(edited, "gave")
        return edited

    def _check_scale(self, images: np.ndarray, what: str) -> None:
        largest = float(np.abs(images).max()) if images.size else 0.0
        if largest > _LARGEST:
            raise ConfigurationError(
                f"edit {self.name!r}: {what} values up to {largest:g}, expected images from 0 (black) to 1 "
                "(white) or a little beyond; divide bytes by 255"
            )


@final
@dataclass(frozen=True)
class FunctionEdit(ImageEdit):
    """An edit that is any function of images.

    Attributes:
        name: as written in configurations.
        function: of float32 images ``(n, H, W)`` or ``(n, H, W, C)``; called with any number of them.
    """

    name: str
    function: ImageFunction

    def transform(self, images: np.ndarray) -> np.ndarray:
        """What the function gives."""
        return np.asarray(self.function(images))


def refuse(edit: ImageEdit, problems: list[str]) -> None:
    """Raise what is wrong with the parameters of an edit, if anything is.

    Raises:
        ConfigurationError: names the edit and all errors.
    """
    if problems:
        raise ConfigurationError(f"edit {edit.name!r}: " + "; ".join(problems))
