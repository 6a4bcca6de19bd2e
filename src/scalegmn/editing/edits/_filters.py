"""Edits that look at the neighborhood of a pixel, computed by ``scipy.ndimage``.

Dilation with its defaults is the edit of the published experiments on MNIST-INRs: ``cv2.dilate`` with a
3 x 3 kernel of ones, once (Zhou et al., "Permutation Equivariant Neural Functionals", 2023, public code
``experiments/stylize_siren.py``; the code of ScaleGMN does the same).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Final, final

import numpy as np

from scalegmn.configuration import Constraint, Count, Limits, Positive
from scalegmn.editing.edits._image_edit import ImageEdit

# What lies beyond the edge looks like the edge.  For largest and smallest values this is the same as
# leaving it out, which is what OpenCV does.
_EDGE: Final = "nearest"


def _ndimage() -> ModuleType:
    # Loaded when needed: scipy belongs to the extra `train`.
    from scipy import ndimage

    module: ModuleType = ndimage
    return module


def _over_pixels(images: np.ndarray, value: float | int) -> tuple[float | int, ...]:
    """`value` for the two axes of pixels, and what changes nothing for images and channels."""
    nothing: float | int = 1 if isinstance(value, int) else 0.0
    return (nothing, value, value, *(nothing,) * (images.ndim - 3))


@final
@dataclass(frozen=True)
class _Odd(Constraint):
    """A square has a pixel in the middle."""

    def admits(self, value: int) -> bool:
        return value % 2 == 1

    def __str__(self) -> str:
        return "an odd number of pixels from 1 on"


_Side = Annotated[int, Limits(low=1, high=1001), _Odd()]


@final
@dataclass(frozen=True, kw_only=True)
class Dilation(ImageEdit):
    """Every pixel becomes the brightest of the square around it: bright strokes grow.

    Attributes:
        size: side of the square in pixels, odd.
        iterations: how often.
    """

    name = "dilation"
    size: _Side = 3
    iterations: Count = 1

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The largest value of every square."""
        for _ in range(self.iterations):
            images = _ndimage().maximum_filter(images, size=_over_pixels(images, self.size), mode=_EDGE)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class Erosion(ImageEdit):
    """Every pixel becomes the darkest of the square around it: bright strokes shrink.

    Attributes:
        size: side of the square in pixels, odd.
        iterations: how often.
    """

    name = "erosion"
    size: _Side = 3
    iterations: Count = 1

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The smallest value of every square."""
        for _ in range(self.iterations):
            images = _ndimage().minimum_filter(images, size=_over_pixels(images, self.size), mode=_EDGE)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class Gradient(ImageEdit):
    """The morphological gradient, dilation minus erosion: outlines.

    Attributes:
        size: side of the square in pixels, odd.
    """

    name = "gradient"
    size: _Side = 3

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The largest minus the smallest value of every square."""
        window = _over_pixels(images, self.size)
        edited: np.ndarray = _ndimage().morphological_gradient(images, size=window, mode=_EDGE)
        return edited


@final
@dataclass(frozen=True, kw_only=True)
class Blur(ImageEdit):
    """A Gaussian blur.

    Attributes:
        sigma: its standard deviation in pixels.
    """

    name = "blur"
    sigma: Positive = 1.0

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The weighted mean around every pixel."""
        axes = (1, 2)
        edited: np.ndarray = _ndimage().gaussian_filter(images, sigma=self.sigma, mode=_EDGE, axes=axes)
        return edited


@final
@dataclass(frozen=True, kw_only=True)
class Rotation(ImageEdit):
    """A turn about the middle, by linear interpolation; what comes in from outside is black.

    Attributes:
        degrees: counterclockwise, as the image is looked at.
    """

    name = "rotation"
    degrees: float = 45.0

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The turned images, of the same size."""
        edited: np.ndarray = _ndimage().rotate(
            images, self.degrees, axes=(2, 1), reshape=False, order=1, mode="constant", cval=0.0
        )
        return edited
