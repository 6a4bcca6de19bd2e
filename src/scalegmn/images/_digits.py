"""The 1,797 handwritten digits of 8 x 8 pixels that ship inside scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

import numpy as np

from scalegmn.errors import ImageSourceError
from scalegmn.images._image_set import ImageSet
from scalegmn.images._source import ImageSource

# Every fifth image is a test image.  The set comes without a split and in the order of its writers, so
# cutting it in two would test on other writers than it trains on.
_TEST_EVERY = 5


def read_digits() -> ImageSet:
    """The digits, with their 17 levels of gray spread over 0 to 255.

    Raises:
        ImageSourceError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImageSourceError(
            "the digits ship inside scikit-learn, which is not installed; pip install scikit-learn"
        ) from error
    data = load_digits()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    test = np.arange(len(images)) % _TEST_EVERY == _TEST_EVERY - 1
    return ImageSet(images, data.target, np.where(test, "test", "train"), "digits")


@final
class Digits(ImageSource):
    """The digits, which need no data folder."""

    name = "digits"

    def load(self, folder: str | Path | None) -> ImageSet:
        return read_digits()


DIGITS: Final = Digits()
