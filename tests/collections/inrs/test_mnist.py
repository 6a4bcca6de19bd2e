from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from scalegmn.collections import LoadedNetworks, one_row
from scalegmn.collections.inrs import MnistInrs, generate_splits
from scalegmn.errors import CheckpointError, PopulationError
from scalegmn.networks import run, siren
from scalegmn.zoo.inrs import image_coordinates

SHAPES = {
    "seq.0.weight": (32, 2),
    "seq.0.bias": (32,),
    "seq.1.weight": (32, 32),
    "seq.1.bias": (32,),
    "seq.2.weight": (1, 32),
    "seq.2.bias": (1,),
}
TRAINING = [(5, 0), (0, 1), (4, 2), (1, 3)]
TESTING = [(7, 0), (2, 1)]


def state_of(seed: int) -> OrderedDict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return OrderedDict((name, torch.randn(shape, generator=generator) / 10) for name, shape in SHAPES.items())


def published(folder: Path) -> Path:
    """The folder of networks as it was published, written without the library."""
    for kind, images in (("training", TRAINING), ("testing", TESTING)):
        for label, image in images:
            place = folder / "mnist-inrs" / f"mnist_png_{kind}_{label}_{image}" / "checkpoints"
            place.mkdir(parents=True)
            torch.save(state_of(10 * image + label), place / "model_final.pth")
    return folder


def splits_content(root: str = "/home/somebody/mnist-inrs") -> dict[str, dict[str, list[str]]]:
    def part(kind: str, images: list[tuple[int, int]]) -> dict[str, list[str]]:
        ends = [f"mnist_png_{kind}_{label}_{image}/checkpoints/model_final.pth" for label, image in images]
        return {"path": [f"{root}/{end}" for end in ends], "label": [str(label) for label, _ in images]}

    return {
        "train": part("training", TRAINING[:3]),
        "val": part("training", TRAINING[3:]),
        "test": part("testing", TESTING),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (published(tmp_path) / "mnist_splits.json").write_text(json.dumps(splits_content()))
    return tmp_path


def test_entries_know_label_image_and_split(folder: Path) -> None:
    listing = MnistInrs().entries(folder)
    rows = [(e.columns["label"], e.columns["image"], e.columns["split"]) for e in listing.entries]
    assert rows == [
        (5, 0, "train"),
        (0, 1, "train"),
        (4, 2, "train"),
        (1, 3, "val"),
        (7, 0, "test"),
        (2, 1, "test"),
    ]
    assert listing.refused == ()
    assert MnistInrs(splits=folder / "mnist_splits.json").entries(folder / "mnist-inrs").entries


def test_networks_compute_the_published_function(folder: Path) -> None:
    networks = MnistInrs().read(MnistInrs().entries(folder).entries[1])
    state = state_of(10)
    points = image_coordinates(28, 28)
    x = torch.sin(30 * (points @ state["seq.0.weight"].T + state["seq.0.bias"]))
    x = torch.sin(30 * (x @ state["seq.1.weight"].T + state["seq.1.bias"]))
    expected = x @ state["seq.2.weight"].T + state["seq.2.bias"] + 0.5
    outputs = run(networks.architecture, networks.theta, points)[0]
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-4)


def test_saved_files_are_the_published_ones(folder: Path, tmp_path: Path) -> None:
    collection = MnistInrs()
    entry = collection.entries(folder).entries[0]
    networks = collection.read(entry)
    assert collection.file_name(networks.row(0)) == entry.name
    collection.save(tmp_path / "copy" / "x.pth", networks)
    saved = torch.load(tmp_path / "copy" / "x.pth", weights_only=True)
    assert list(saved) == list(SHAPES)
    assert all(torch.equal(saved[name], value) for name, value in state_of(5).items())


def test_layers_of_other_names_can_be_saved_and_other_functions_cannot(tmp_path: Path) -> None:
    theta, row = torch.zeros(1, siren().num_parameters), one_row({"label": 0, "image": 0, "split": "train"})
    renamed = LoadedNetworks(siren(names=("a", "b", "c")), theta, row)
    MnistInrs().save(tmp_path / "x.pth", renamed)
    assert set(torch.load(tmp_path / "x.pth", weights_only=True)) == set(SHAPES)
    with pytest.raises(PopulationError, match="cannot be stored"):
        MnistInrs().save(tmp_path / "y.pth", LoadedNetworks(siren(frequency=20.0), theta, row))
    with pytest.raises(PopulationError, match="one network per image"):
        MnistInrs().file_name({"label": 0, "image": 0, "split": "train", "copy": 1})


def test_missing_splits_file_says_how_to_generate_it(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"generate_splits\(MnistInrs\(\)"):
        MnistInrs().entries(published(tmp_path))


def test_generated_splits_are_read_back_and_seeded(tmp_path: Path) -> None:
    folder = published(tmp_path)
    path = generate_splits(MnistInrs(), folder, seed=0, validation=2)
    content = json.loads(path.read_text())
    assert {split: len(part["path"]) for split, part in content.items()} == {"train": 2, "val": 2, "test": 2}
    assert all(isinstance(label, str) for part in content.values() for label in part["label"])
    splits = [entry.columns["split"] for entry in MnistInrs().entries(folder).entries]
    assert sorted(splits) == ["test", "test", "train", "train", "val", "val"]
    with pytest.raises(PopulationError, match="exists"):
        generate_splits(MnistInrs(), folder, seed=0, validation=2)
    chosen = set()
    for seed in (0, 0, *range(1, 8)):
        path.unlink()
        generate_splits(MnistInrs(), folder, seed=seed, validation=2)
        if seed == 0:
            assert json.loads(path.read_text()) == content
        chosen.add(path.read_text())
    assert len(chosen) > 2
    path.unlink()
    with pytest.raises(PopulationError, match="4 of 4"):
        generate_splits(MnistInrs(), folder, seed=0, validation=4)


def test_what_does_not_belong_is_refused_and_the_rest_is_read(folder: Path) -> None:
    inner = folder / "mnist-inrs"
    (inner / "notes.txt").write_text("x")
    (inner / ".hidden").write_text("x")
    (inner / "mnist_png_training_10_9" / "checkpoints").mkdir(parents=True)
    (inner / "mnist_png_training_3_8").mkdir()
    extra = inner / "mnist_png_training_3_9" / "checkpoints"
    extra.mkdir(parents=True)
    torch.save(state_of(0), extra / "model_final.pth")
    (inner / "mnist_png_testing_2_1" / "checkpoints" / "model_final.pth").unlink()
    listing = MnistInrs().entries(folder)
    assert len(listing.entries) == 5
    reasons = {refusal.name: refusal.reason for refusal in listing.refused}
    assert "unknown name" in reasons["notes.txt"]
    assert "label 10" in reasons["mnist_png_training_10_9"]
    assert "no checkpoints/model_final.pth" in reasons["mnist_png_training_3_8"]
    assert (
        "not named in the splits" in reasons["mnist-inrs/mnist_png_training_3_9/checkpoints/model_final.pth"]
    )
    assert "no such file" in reasons["mnist_png_testing_2_1/checkpoints/model_final.pth"]
    assert len(reasons) == 6  # the one without a file is known by two names


def test_splits_that_contradict_the_names_are_refused(folder: Path) -> None:
    content = splits_content()
    content["train"]["label"][0] = "6"
    moved = {key: content["test"][key].pop() for key in ("path", "label")}
    for key, value in moved.items():
        content["val"][key].append(value)
    (folder / "mnist_splits.json").write_text(json.dumps(content))
    listing = MnistInrs().entries(folder)
    assert len(listing.entries) == 4
    first, second = listing.refused
    assert "label 5" in first.reason and "says 6" in first.reason
    assert "'val'" in second.reason and "test image" in second.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected the splits"),
        ('{"train": [], "test": []}', "expected the splits"),
        ('{"train": 3, "val": [], "test": []}', "list of paths"),
        (
            '{"train": {"path": ["a"], "label": []}, "val": [], "test": ["a"]}',
            "'a' is in 'train' and again in 'test'",
        ),
        ('{"train": {"path": ["a"], "label": ["1", "2"]}, "val": [], "test": []}', "a label for each"),
        ('{"train": {"path": ["a"], "label": ["x"]}, "val": [], "test": []}', "no whole number"),
    ],
)
def test_damaged_splits_files(folder: Path, text: str, message: str) -> None:
    (folder / "mnist_splits.json").write_text(text)
    with pytest.raises(PopulationError, match=message):
        MnistInrs().entries(folder)


def test_bad_files(folder: Path) -> None:
    entries = MnistInrs().entries(folder).entries
    entries[0].path.write_bytes(b"")
    torch.save({**state_of(0), "label": 3}, entries[1].path)
    torch.save({**state_of(0), "seq.0.bias": torch.full((32,), torch.nan)}, entries[2].path)
    torch.save({name: value for name, value in state_of(0).items() if name != "seq.1.bias"}, entries[3].path)
    for entry, message in zip(entries, (None, "unexpected", "NaN", "seq.1.bias"), strict=False):
        with pytest.raises(CheckpointError, match=message):
            MnistInrs().read(entry)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="does not exist"):
        MnistInrs().scan(tmp_path / "nowhere")
