from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.editing._true_images import find_images
from scalegmn.errors import PopulationError
from scalegmn.images import ImageSet
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter

# Six training and four test images, mixed, with their numbers out of order.
SPLIT = np.array(["test", "train", "train", "test", "train", "train", "test", "train", "train", "test"])
INDEX = np.array([3, 0, 2, 0, 1, 5, 1, 4, 3, 2])
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 3])
IMAGES = ImageSet(np.zeros((10, 4, 4), np.uint8), LABELS, SPLIT, "made up", INDEX)


def population(folder: Path, **columns: object) -> Population:
    count = len(next(iter(columns.values())))  # type: ignore[call-overload]
    architecture = siren(widths=(2, 3, 1))
    with PopulationWriter(folder, provenance={}) as writer:
        writer.append(architecture, np.zeros((count, architecture.num_parameters), np.float32), columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


def places(folder: Path, rows: list[int] | None = None, **columns: object) -> list[int]:
    made = population(folder, **columns)
    found: list[int] = find_images(IMAGES, made, np.array(rows or range(len(made)), np.int64)).tolist()
    return found


def test_images_are_found_by_split_and_number(tmp_path: Path) -> None:
    split, image = ["train", "test", "val", "train", "test"], [4, 2, 0, 4, 3]
    assert places(tmp_path / "a", split=split, image=image) == [7, 9, 1, 7, 0]
    assert places(tmp_path / "b", [4, 1], split=split, image=image) == [0, 9]
    label = [1, 3, 1, 1, 0]
    assert places(tmp_path / "c", split=split, image=image, label=label) == [7, 9, 1, 7, 0]


def test_test_images_may_be_counted_on_from_the_training_images(tmp_path: Path) -> None:
    split, image = ["train", "test", "test"], [5, 6, 9]
    assert places(tmp_path / "a", split=split, image=image) == [5, 3, 0]


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"image": [1]}, "no column 'split'"),
        ({"label": [1]}, "no column 'image' and no column 'split'.*target drawing"),
        ({"image": [6], "split": ["train"]}, "train image 6, but made up has 6 train images, 0 to 5"),
        ({"image": [2, 40], "split": ["test", "test"]}, "test image 40"),
        (
            {"image": [1, 2], "split": ["train", "train"], "label": [1, 0]},
            "1 of 2.*first network 1 .0, not 2",
        ),
        ({"image": [1], "split": ["train"], "augmentation": [3]}, "changed copies.*augmentation: -1"),
    ],
)
def test_images_that_are_not_known_are_refused(tmp_path: Path, columns: dict[str, object], word: str) -> None:
    with pytest.raises(PopulationError, match=word):
        places(tmp_path / "a", **columns)


def test_networks_of_plain_images_in_an_augmented_population_are_fine(tmp_path: Path) -> None:
    columns = {"image": [1, 1], "split": ["train", "train"], "augmentation": [-1, 7]}
    assert places(tmp_path / "a", [0], **columns) == [4]
