from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections import Collection, export_population, import_collection
from scalegmn.collections.inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs
from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture, siren
from scalegmn.populations import Population, PopulationWriter

COUNT = 7
COLUMNS: Mapping[str, Sequence[object]] = {
    "label": [3, 1, 9, 0, 2, 4, 4],
    "image": [0, 1, 2, 3, 0, 1, 2],
    "split": ["train"] * 4 + ["test"] * 3,
    "copy": [0] * COUNT,
    "mse": [0.01] * COUNT,
}


def population_of(
    folder: Path,
    columns: Mapping[str, Sequence[object]] = COLUMNS,
    *,
    architecture: Architecture | None = None,
) -> Population:
    architecture = architecture or siren(names=("first", "second", "third"))
    theta = torch.randn(COUNT, architecture.num_parameters, generator=torch.Generator().manual_seed(0))
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        writer.append(architecture, theta, columns)
        writer.finish()
    return Population.open(folder)


@pytest.mark.parametrize(
    ("collection", "files"),
    [(MnistInrs(), 7), (FashionMnistInrs(), 7), (FashionMnistInrs(labeled_splits=True), 7), (NpzInrs(), 2)],
    ids=lambda value: value.title if isinstance(value, Collection) else str(value),
)
def test_what_is_written_is_read_back(tmp_path: Path, collection: Collection, files: int) -> None:
    population = population_of(tmp_path / "p")
    assert export_population(population, collection, tmp_path / "out", progress=False) == files
    report = import_collection(collection, tmp_path / "out", tmp_path / "q", progress=False)
    assert not report.refused
    again = Population.open(tmp_path / "q")
    everything = np.arange(COUNT)
    assert torch.equal(again.theta(everything), population.theta(everything))
    for name in ("label", "image", "split"):
        assert again.column(name).tolist() == list(COLUMNS[name])


def test_cifar_with_augmentations(tmp_path: Path) -> None:
    columns = {**COLUMNS, "label": [3] * COUNT, "augmentation": [-1, -1, 0, 19, -1, -1, -1]}
    columns = {**columns, "image": [0, 1, 0, 0, 50_000, 50_001, 59_999]}
    architecture = Cifar10Inrs().architecture
    population = population_of(tmp_path / "p", columns, architecture=architecture)
    collection = Cifar10Inrs(augmented=True)
    assert export_population(population, collection, tmp_path / "out", progress=False) == COUNT
    import_collection(collection, tmp_path / "out", tmp_path / "q", progress=False)
    again = Population.open(tmp_path / "q")
    assert again.column("image").tolist() == [0, 0, 0, 1, 50_000, 50_001, 59_999]
    assert again.column("augmentation").tolist() == [-1, 0, 19, -1, -1, -1, -1]
    assert torch.equal(again.theta([1]), population.theta([2]))


def test_splits_file_keeps_the_validation_part(tmp_path: Path) -> None:
    columns = {**COLUMNS, "split": ["train", "val", "train", "val", "test", "test", "test"]}
    export_population(population_of(tmp_path / "p", columns), MnistInrs(), tmp_path / "out", progress=False)
    content = json.loads((tmp_path / "out" / "mnist_splits.json").read_text())
    assert content["val"] == {
        "path": [
            "mnist-inrs/mnist_png_training_1_1/checkpoints/model_final.pth",
            "mnist-inrs/mnist_png_training_0_3/checkpoints/model_final.pth",
        ],
        "label": ["1", "0"],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"copy": [0, 0, 0, 0, 0, 0, 1]}, "one network per image"),
        ({"image": [0, 1, 2, 2, 0, 1, 2], "label": [3, 1, 9, 9, 2, 4, 4]}, "the place of an earlier one"),
    ],
)
def test_networks_without_a_place(tmp_path: Path, changes: dict[str, Sequence[object]], message: str) -> None:
    population = population_of(tmp_path / "p", {**COLUMNS, **changes})
    with pytest.raises(PopulationError, match=message):
        export_population(population, MnistInrs(), tmp_path / "out", progress=False)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    population = population_of(tmp_path / "p")
    with pytest.raises(PopulationError, match="not empty"):
        export_population(population, MnistInrs(), tmp_path / "p", progress=False)
    with pytest.raises(PopulationError, match="cannot be stored"):
        export_population(population, Cifar10Inrs(), tmp_path / "a", progress=False)
    bare = population_of(tmp_path / "q", {"label": [0] * COUNT})
    with pytest.raises(PopulationError, match=r"no columns \['image', 'split'\]"):
        export_population(bare, MnistInrs(), tmp_path / "b", progress=False)
