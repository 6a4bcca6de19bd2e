from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.collections.inrs import Cifar10Inrs
from scalegmn.errors import PopulationError
from scalegmn.networks import run
from scalegmn.zoo.inrs import image_coordinates

SHAPES = {
    "net.0.linear.weight": (32, 2),
    "net.0.linear.bias": (32,),
    "net.1.linear.weight": (32, 32),
    "net.1.linear.bias": (32,),
    "net.2.weight": (3, 32),
    "net.2.bias": (3,),
}
# Folder without its beginning, number of the image.
PLAIN = [("3s", 0), ("9s", 44_999), ("0s", 45_000), ("3s", 49_999), ("1s", 50_000), ("1s", 59_999)]
AUGMENTED = [("aug0_3s", 0), ("aug19_3s", 0), ("aug2_9s", 44_999)]
AUGMENTED_VALIDATION = [("aug1_0s", 45_000)]


def write(folder: Path, files: list[tuple[str, int]]) -> None:
    """Files as they were published, written without the library."""
    for part, image in files:
        place = folder / f"randinit_smaller_{part}"
        place.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator().manual_seed(image)
        state = {name: torch.randn(shape, generator=generator) / 10 for name, shape in SHAPES.items()}
        torch.save(state, place / f"net{image}.pth")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, PLAIN + AUGMENTED + AUGMENTED_VALIDATION)
    return tmp_path


def test_plain_networks_are_not_mixed_with_augmented_ones(folder: Path) -> None:
    careless = list(folder.glob("randinit_smaller_*/net0.pth"))
    assert len(careless) == 3, "the trap is set"
    listing = Cifar10Inrs().entries(folder)
    rows = [tuple(entry.columns.values()) for entry in listing.entries]
    assert rows == [
        (3, 0, "train", -1),
        (9, 44_999, "train", -1),
        (0, 45_000, "val", -1),
        (3, 49_999, "val", -1),
        (1, 50_000, "test", -1),
        (1, 59_999, "test", -1),
    ]
    assert sum(listing.left_out.values()) == 4 and not listing.refused


def test_augmented_networks_are_for_training_only(folder: Path) -> None:
    listing = Cifar10Inrs(augmented=True).entries(folder)
    augmented = [entry.columns for entry in listing.entries if entry.columns["augmentation"] != -1]
    assert [tuple(columns.values()) for columns in augmented] == [
        (3, 0, "train", 0),
        (3, 0, "train", 19),
        (9, 44_999, "train", 2),
    ]
    assert len(listing.entries) == 9
    assert dict(listing.left_out) == {"networks of augmented images that are not for training": 1}


def test_networks_compute_the_published_function(folder: Path) -> None:
    networks = Cifar10Inrs().read(Cifar10Inrs().entries(folder).entries[1])
    state = torch.load(folder / "randinit_smaller_9s" / "net44999.pth", weights_only=True)
    points = image_coordinates(32, 32, "ij")
    x = torch.sin(30 * (points @ state["net.0.linear.weight"].T + state["net.0.linear.bias"]))
    x = torch.sin(30 * (x @ state["net.1.linear.weight"].T + state["net.1.linear.bias"]))
    expected = x @ state["net.2.weight"].T + state["net.2.bias"]
    outputs = run(networks.architecture, networks.theta, points)[0]
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-4)


def test_saved_files_are_the_published_ones(folder: Path, tmp_path: Path) -> None:
    collection = Cifar10Inrs(augmented=True)
    for entry in collection.entries(folder).entries:
        networks = collection.read(entry)
        assert collection.file_name(networks.row(0)) == entry.name
    collection.save(tmp_path / "copy.pth", networks)
    saved = torch.load(tmp_path / "copy.pth", weights_only=True)
    original = torch.load(entry.path, weights_only=True)
    assert list(saved) == list(SHAPES)
    assert all(torch.equal(saved[name], original[name]) for name in SHAPES)


def test_places_of_a_makers_networks() -> None:
    name = Cifar10Inrs().file_name
    assert name({"label": 4, "image": 7, "split": "train", "copy": 0}) == "randinit_smaller_4s/net7.pth"
    assert name({"label": 4, "image": 7, "split": "test", "copy": 0}) == "randinit_smaller_4s/net50007.pth"
    with pytest.raises(PopulationError, match="no place"):
        name({"label": 4, "image": 50_000, "split": "train"})
    with pytest.raises(PopulationError, match="one network per image"):
        name({"label": 4, "image": 0, "split": "train", "copy": 1})


def test_unknown_names_are_refused(folder: Path) -> None:
    for name in (
        "randinit_smaller_aug20_3s",
        "randinit_smaller_10s",
        "randinit_3s",
        "randinit_smaller_augx_3s",
    ):
        (folder / name).mkdir()
        torch.save({}, folder / name / "net1.pth")
    for name in ("net60000.pth", "network1.pth"):
        torch.save({}, folder / "randinit_smaller_3s" / name)
    listing = Cifar10Inrs(augmented=True).entries(folder)
    reasons = {refusal.name: refusal.reason for refusal in listing.refused}
    assert set(reasons) == {
        "randinit_smaller_aug20_3s",
        "randinit_smaller_10s",
        "randinit_3s",
        "randinit_smaller_augx_3s",
        "randinit_smaller_3s/net60000.pth",
        "randinit_smaller_3s/network1.pth",
    }
    assert "label 10" in reasons["randinit_smaller_10s"]
    assert "augmentation 20" in reasons["randinit_smaller_aug20_3s"]
    assert len(listing.entries) == 9
