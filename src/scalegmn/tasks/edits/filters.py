"""Edits that look at the neighbourhood of a pixel, computed by ``scipy.ndimage``.

Dilation with its defaults is the edit of the published experiments on MNIST-INRs: ``cv2.dilate`` with a
3 x 3 kernel of ones, once (Zhou et al., "Permutation Equivariant Neural Functionals", 2023, public code
``experiments/stylize_siren.py``; the code of ScaleGMN does the same).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Final, final

import numpy as np

from scalegmn.tasks.edits.image_edit import ImageEdit, refuse

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


def _check_window(edit: ImageEdit, size: int, iterations: int) -> None:
    mistakes = []
    if size < 1 or size % 2 == 0:
        mistakes.append(f"size is {size}, expected an odd number of pixels from 1 on")
    if iterations < 1:
        mistakes.append(f"iterations is {iterations}, expected at least 1")
    refuse(edit, mistakes)


@final
@dataclass(frozen=True, kw_only=True)
class Dilation(ImageEdit):
    """Every pixel becomes the brightest of the square around it: bright strokes grow.

    Attributes:
        size: side of the square in pixels, odd.
        iterations: how often.
    """

    name = "dilation"
    size: int = 3
    iterations: int = 1

    def __post_init__(self) -> None:
        _check_window(self, self.size, self.iterations)

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
    size: int = 3
    iterations: int = 1

    def __post_init__(self) -> None:
        _check_window(self, self.size, self.iterations)

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
    size: int = 3

    def __post_init__(self) -> None:
        _check_window(self, self.size, 1)

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
    sigma: float = 1.0

    def __post_init__(self) -> None:
        wrong = not (self.sigma > 0 and math.isfinite(self.sigma))
        refuse(self, [f"sigma is {self.sigma}, expected a positive number of pixels"] if wrong else [])

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
        degrees: anticlockwise, as the image is looked at.
    """

    name = "rotation"
    degrees: float = 45.0

    def __post_init__(self) -> None:
        wrong = not math.isfinite(self.degrees)
        refuse(self, [f"degrees is {self.degrees}, expected a finite number"] if wrong else [])

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The turned images, of the same size."""
        edited: np.ndarray = _ndimage().rotate(
            images, self.degrees, axes=(2, 1), reshape=False, order=1, mode="constant", cval=0.0
        )
        return edited
