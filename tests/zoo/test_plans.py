from __future__ import annotations

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.zoo import check_counts, images_provenance
from scalegmn.zoo.cnns import halves, prepared_images
from tests.zoo.cnns.cnn_cases import some_images


def test_all_wrong_counts_are_named() -> None:
    check_counts({"networks": 1, "pairs": None})
    with pytest.raises(ConfigurationError, match="networks is 0, workers is -2; expected 1 or more"):
        check_counts({"networks": 0, "pairs": None, "shard_size": 3, "workers": -2})


def test_images_are_recorded_as_they_came_and_as_they_are_taken() -> None:
    images = some_images(5, 2, color=True)
    train, test = (prepared_images(images.subset(part), image_size=4) for part in halves(images))
    assert images_provenance(images, train=train, test=test, grayscale=True) == {
        "preprocessing": {"range": [-1, 1], "grayscale": True, "channels": 1, "size": [4, 4]},
        "images": "random",
        "images_shape": [7, 8, 8, 3],
        "images_checksum": images.checksum,
        "train_images": 5,
        "test_images": 2,
        "image_classes": list(images.class_names),
    }
