from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from scalegmn.collections.inrs import FashionMnistInrs, generate_splits
from scalegmn.errors import CheckpointError, PopulationError
from scalegmn.networks import siren

LABELS = {"train": [9, 0, 3, 3], "test": [2, 1]}
SPLITS = {
    "train": ["x/fmnist_inrs/train/model_0.pth", "x/fmnist_inrs/train/model_2.pth"],
    "val": ["x\\fmnist_inrs\\train\\model_1.pth", "train/model_3.pth"],
    "test": ["/a/b/test/model_0.pth", "/a/b/test/model_1.pth"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A collection as it was published, without splits file, written without the library."""
    for split, labels in LABELS.items():
        part = tmp_path / "fmnist_inrs" / split
        part.mkdir(parents=True)
        for image, label in enumerate(labels):
            theta = torch.randn(1185, generator=torch.Generator().manual_seed(image))
            torch.save({**siren().unflatten(theta), "label": label}, part / f"model_{image}.pth")
    return tmp_path


def labelled() -> dict[str, dict[str, list[str] | list[int]]]:
    """The other form of the splits file."""
    labels = {"train": [9, 3], "val": [0, 3], "test": [2, 1]}
    return {split: {"path": paths, "label": labels[split]} for split, paths in SPLITS.items()}


@pytest.mark.parametrize("content", [SPLITS, labelled()], ids=["paths", "labelled"])
def test_both_forms_of_the_splits_file(folder: Path, content: object) -> None:
    (folder / "fmnist_splits.json").write_text(json.dumps(content))
    collection = FashionMnistInrs()
    listing = collection.entries(folder)
    assert not listing.refused
    rows = [collection.read(entry).row(0) for entry in listing.entries]
    assert [row["label"] for row in rows] == [9, 0, 3, 3, 2, 1]
    assert [row["image"] for row in rows] == [0, 1, 2, 3, 0, 1]
    assert [row["split"] for row in rows] == ["train", "val", "train", "val", "test", "test"]
    theta = torch.randn(1185, generator=torch.Generator().manual_seed(1))
    assert torch.equal(collection.read(listing.entries[1]).theta[0], theta)


def test_columns_are_in_the_same_order_with_both_forms(folder: Path) -> None:
    found = []
    for content in (SPLITS, labelled()):
        (folder / "fmnist_splits.json").write_text(json.dumps(content))
        found.append(list(FashionMnistInrs().read(FashionMnistInrs().entries(folder).entries[0]).columns))
    assert found[0] == found[1]


@pytest.mark.parametrize("with_labels", [False, True])
def test_generated_splits(folder: Path, with_labels: bool) -> None:
    collection = FashionMnistInrs(labeled_splits=with_labels)
    content = json.loads(generate_splits(collection, folder, seed=1, validation=1).read_text())
    names = content["test"]["path"] if with_labels else content["test"]
    assert names == ["fmnist_inrs/test/model_0.pth", "fmnist_inrs/test/model_1.pth"]
    if with_labels:
        assert content["test"]["label"] == [2, 1]
    splits = [entry.columns["split"] for entry in collection.entries(folder).entries]
    assert splits.count("val") == 1 and splits.count("train") == 3


def test_saved_files_are_the_published_ones(folder: Path, tmp_path: Path) -> None:
    collection = FashionMnistInrs()
    entry = collection.scan(folder).entries[2]
    networks = collection.read(entry)
    assert collection.file_name(networks.row(0)) == entry.name == "fmnist_inrs/train/model_2.pth"
    collection.save(tmp_path / "copy.pth", networks)
    original = torch.load(entry.path, weights_only=True)
    saved = torch.load(tmp_path / "copy.pth", weights_only=True)
    assert list(saved) == list(original)
    assert saved["label"] == 3 and type(saved["label"]) is int
    assert all(torch.equal(saved[name], original[name]) for name in original if name != "label")


@pytest.mark.parametrize(
    ("label", "message"), [(10, "0 to 9"), (-1, "0 to 9"), (2.5, "0 to 9"), (None, "no entry 'label'")]
)
def test_wrong_labels(folder: Path, label: object, message: str) -> None:
    entry = FashionMnistInrs().scan(folder).entries[0]
    state = siren().unflatten(torch.zeros(1185))
    torch.save(state if label is None else {**state, "label": label}, entry.path)
    with pytest.raises(CheckpointError, match=message):
        FashionMnistInrs().read(entry)


def test_label_that_the_splits_file_contradicts(folder: Path) -> None:
    content = labelled()
    content["train"]["label"] = [8, 3]
    (folder / "fmnist_splits.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="label is 9, but the splits file says 8"):
        FashionMnistInrs().read(FashionMnistInrs().entries(folder).entries[0])


def test_unknown_names_are_refused(folder: Path) -> None:
    (folder / "fmnist_inrs" / "valid").mkdir()
    (folder / "fmnist_inrs" / "train" / "model_final.pth").write_bytes(b"")
    refused = FashionMnistInrs().scan(folder).refused
    assert [refusal.name for refusal in refused] == ["train/model_final.pth", "valid"]


def test_missing_splits_file(folder: Path) -> None:
    with pytest.raises(PopulationError, match=r"fmnist_splits.json.*generate_splits"):
        FashionMnistInrs().entries(folder)
