"""What plans of all populations check and record."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.images import ImageSet


def check_counts(counts: Mapping[str, int | None]) -> None:
    """Refuse numbers of things that are not positive; None is left to the maker.

    Raises:
        ConfigurationError: names all of them.
    """
    wrong = [f"{name} is {value}" for name, value in counts.items() if value is not None and value < 1]
    if wrong:
        raise ConfigurationError(f"{', '.join(wrong)}; expected 1 or more")


def ranges(start: int, stop: int, *, size: int) -> list[range]:
    """What is between two numbers, in pieces of one size; the last one may be smaller."""
    return [range(low, min(low + size, stop)) for low in range(start, stop, size)]


def images_provenance(images: ImageSet, *, train: Tensor, test: Tensor, grayscale: bool) -> dict[str, object]:
    """Which images networks were trained on and evaluated by, and how they take them.

    Args:
        images: as they come from their source.
        train: the training images as the networks take them, ``(n, C, H, W)``.
        test: the test images as the networks take them, ``(m, C, H, W)``.
        grayscale: whether colors were averaged.
    """
    return {
        "preprocessing": {
            "range": [-1, 1],
            "grayscale": grayscale,
            "channels": test.shape[1],
            "size": list(test.shape[2:]),
        },
        "images": images.name,
        "images_shape": list(images.images.shape),
        "images_checksum": images.checksum,
        "train_images": len(train),
        "test_images": len(test),
        "image_classes": list(images.class_names),
    }
