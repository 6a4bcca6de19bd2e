"""The command that averages networks of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.checkpoints import read_state
from scalegmn.cli.main import main
from scalegmn.networks import Activation, mlp
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from tests.alignment.networks import drawn

NETWORK = mlp(widths=(16, 6, 5, 3), activations=[Activation("relu")] * 2)
RELU = ("--activation", "relu")


def save(path: Path, value: Tensor) -> str:
    torch.save({name: one.float().clone() for name, one in NETWORK.unflatten(value).items()}, path)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    theta = drawn(NETWORK)
    element = random_symmetry(NETWORK, generator=generator(0), spread=5.0)
    networks = {"first": theta, "moved": element.apply(theta), "other": drawn(NETWORK, 1)}
    return {name: save(tmp_path / f"{name}.pt", value) for name, value in networks.items()}


def save_images(path: Path, *, side: int, classes: int = 3) -> str:
    train, test = 60, 30
    random = np.random.default_rng(0)
    np.savez(
        path,
        train_images=random.integers(0, 256, (train, side, side), dtype=np.uint8),
        train_labels=np.arange(train) % classes,
        test_images=random.integers(0, 256, (test, side, side), dtype=np.uint8),
        test_labels=np.arange(test) % classes,
    )
    return f"npz:{path}"


@pytest.fixture
def images(tmp_path: Path) -> str:
    return save_images(tmp_path / "images.npz", side=4)


@pytest.mark.slow
def test_the_average_of_a_network_and_its_moved_copy_is_that_network(
    files: dict[str, str], tmp_path: Path
) -> None:
    merged = tmp_path / "merged.pt"
    command = ["merge", files["first"], files["moved"], "-o", str(merged), *RELU]
    assert main(command) == 0
    first = read_state(files["first"]).tensors
    for name, value in read_state(merged).tensors.items():
        torch.testing.assert_close(value, first[name], rtol=1e-5, atol=1e-6)
    assert main(command) == 3
    assert main([*command, "--replace"]) == 0


def test_weights_count(files: dict[str, str], tmp_path: Path) -> None:
    names = [files["first"], files["other"], "-o", str(tmp_path / "merged.pt"), *RELU]
    assert main(["merge", *names, "--weights", "1,1e-9"]) == 0
    first, merged = read_state(files["first"]).tensors, read_state(tmp_path / "merged.pt").tensors
    for name, value in merged.items():
        torch.testing.assert_close(value, first[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_line_is_measured_on_images(
    files: dict[str, str], images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, written = tmp_path / "line.png", tmp_path / "found.json"
    names = [files["first"], files["moved"], files["other"], "-o", str(tmp_path / "merged.pt"), *RELU]
    given = ["--images", images, "--points", "3", "--fitting", "5"]
    assert main(["merge", *names, *given, "--barrier-picture", str(picture), "--json", str(written)]) == 0
    shown = capsys.readouterr().out
    assert "From first.pt to other.pt" in shown and "the average has a loss of" in shown
    assert picture.read_bytes()[:4] == b"\x89PNG"
    found = json.loads(written.read_text())
    lines = {line["name"]: line for line in found["lines"]}
    assert list(lines) == [
        f"{name}.pt, {state}" for name in ("moved", "other") for state in ("as they are", "aligned")
    ]
    aligned, before = (lines[f"moved.pt, {state}"]["losses"] for state in ("aligned", "as they are"))
    # Files are in single precision.
    assert np.ptp(aligned) < 1e-5 < 1e-3 < np.ptp(before)
    assert found["weights"] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--weights", "1,x"), "expected numbers such as 2,1,1"),
        (("--weights", "1,-1"), "expected a positive number"),
        (("--weights", "1"), "expected a positive number for each"),
        (("--points", "2"), "--points is 2, expected 3 or more"),
        (("--barrier-picture", "line.png"), "give --images"),
        (("--matching", "activations"), "give --images"),
    ],
)
def test_wrong_options_are_one_sentence(
    files: dict[str, str],
    tmp_path: Path,
    given: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    merged = tmp_path / "merged.pt"
    assert main(["merge", files["first"], files["other"], "-o", str(merged), *RELU, *given]) in (2, 3)
    assert words in capsys.readouterr().err
    assert not merged.exists()


@pytest.mark.parametrize(
    ("side", "classes", "options", "words"),
    [
        (5, 3, (), "expected square images of so many channels"),
        (4, 4, (), "has 4 classes, and the networks have 3 outputs"),
        (4, 3, ("--pixel-deviation", "0"), "--pixel-deviation is 0.0, expected more than 0"),
        (4, 3, ("--pixel-mean", "inf"), "--pixel-mean is inf, expected a"),
        (4, 3, ("--image-limit", "0"), "--image-limit is 0, expected 1 or more"),
    ],
)
def test_images_that_networks_do_not_read_are_refused(
    files: dict[str, str],
    tmp_path: Path,
    side: int,
    classes: int,
    options: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = save_images(tmp_path / "images.npz", side=side, classes=classes)
    names = [files["first"], files["other"], "-o", str(tmp_path / "merged.pt"), *RELU]
    assert main(["merge", *names, "--images", given, *options]) == 2
    assert words in capsys.readouterr().err


def test_one_file_is_not_enough(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", files["first"], "-o", str(tmp_path / "merged.pt"), *RELU]) == 2
    assert "expected two or more" in capsys.readouterr().err
