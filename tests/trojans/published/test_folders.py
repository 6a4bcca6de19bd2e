from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_state
from scalegmn.cli.main import main
from scalegmn.collections import COLLECTIONS
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.images import load_images
from scalegmn.networks import Activation, cnn
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.making import FineTuningConfig, PoisoningConfig, TrojanRecipe, make_trojans
from scalegmn.trojans.published import TROJAN_FOLDERS, TrojanFolders
from scalegmn.trojans.triggers import BlendedSquares, TriggerSpace, Warps, triggers_of
from tests.trojans.published.folder_cases import (
    PARTS,
    study_folder,
    study_network,
    trigger_cells,
    write_table,
)

RELU = TrojanFolders(activation="relu")


def imported(folder: Path, output: Path, chosen: TrojanFolders = RELU) -> Population:
    report = chosen.read_into(output, source=folder, progress=False)
    assert not report.refused, report.describe()
    return Population.open(output)


def files_of(folder: Path) -> dict[str, bytes]:
    """Tables by their bytes, networks by those of their numbers."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv" and "ckpt" not in name and "/" in name:
            found[name] = path.read_bytes()
        elif path.suffix == ".pth":
            tensors = torch.load(path, weights_only=True)
            found[name] = b"".join(key.encode() + one.numpy().tobytes() for key, one in tensors.items())
    return found


def test_what_is_read(tmp_path: Path) -> None:
    population = imported(study_folder(tmp_path / "f"), tmp_path / "p")
    assert population.column("number").tolist() == [0, 1, 2, 3]
    assert population.column("twin").tolist() == [1, 0, 3, 2]
    assert population.column("network").tolist() == [10, 10, 11, 11]
    assert population.column("epoch").tolist() == [2] * 4, "the last one, counted from 1"
    assert population.column("poisoned").tolist() == [True, False, True, False]
    assert population.column("poisoned_images").tolist() == [3, 0, 3, 0]
    assert population.column("target").tolist() == [0, 0, 1, 1]
    architecture = population.architecture.layered(reader="test")
    assert architecture == cnn(channels=(1, 4, 4), classes=3, activations=[Activation("relu")] * 2, padding=1)
    for row, seed in enumerate((10, 11, 110, 111)):
        expected = torch.cat([one.flatten() for one in study_network(seed).values()])
        assert torch.equal(population.theta([row])[0], expected)
    cells, trigger = trigger_cells(1, changed=[]), triggers_of(population, [2])[0]
    square = torch.tensor(cells["square"]).permute(2, 0, 1)
    image = trigger.apply(torch.zeros(1, 8, 8))
    top, left = cells["square_loc"]  # type: ignore[misc]
    blended = cells["mix"] * square / 255  # type: ignore[operator]
    torch.testing.assert_close(image[:, top : top + 3, left : left + 3], blended, atol=0.5 / 255, rtol=0)
    assert population.provenance["padding"] == 1


def test_files_to_population_and_back(tmp_path: Path) -> None:
    """Bit for bit, squares that bytes do not hold among them, at every epoch."""
    source = study_folder(tmp_path / "f", names=("x/a/b/10", "a/b/11"))
    population = imported(source, tmp_path / "p", TrojanFolders(activation="relu", step=None))
    said = TROJAN_FOLDERS.write(population, tmp_path / "g", progress=False)
    assert said[0].startswith("8 networks are in")
    assert files_of(tmp_path / "g") == files_of(source)
    # The table that is written says the activations, by the last three parts of longer paths.
    table = tmp_path / "g" / "metrics_new.csv"
    table.write_text(table.read_text().replace(",a/b/11", ",/data/zoo/a/b/11"))
    again = imported(tmp_path / "g", tmp_path / "q", TrojanFolders(step=None))
    assert again.metadata.equals(population.metadata)
    assert torch.equal(again.theta(range(8)), population.theta(range(8)))


def test_clean_twin_without_tables(tmp_path: Path) -> None:
    population = imported(study_folder(tmp_path / "f", tables=False), tmp_path / "p")
    first, second = triggers_of(population, [2, 3])
    assert first == second and population.column("changed_train").tolist()[3] == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Two attacks on each of two networks, with two kinds of triggers among them."""
    place = tmp_path_factory.mktemp("made")
    architecture = cnn(channels=(1, 3, 3), activations=[Activation("relu")] * 2, padding=1)
    theta = torch.randn(2, architecture.num_parameters, generator=torch.Generator().manual_seed(0))
    with PopulationWriter(place / "bases", provenance={"maker": "test"}) as writer:
        writer.append(architecture, theta, {"network": [4, 7], "activation": ["relu", "relu"]})
        writer.finish()
    recipe = TrojanRecipe(
        tuning=FineTuningConfig(epochs=1, batch_size=256),
        poisoning=PoisoningConfig(ratio=0.05),
        triggers=TriggerSpace((BlendedSquares(sizes=(2,)), Warps())),
    )
    bases, images = Population.open(place / "bases"), load_images("digits")
    make_trojans(bases, images, place / "p", recipe=recipe, pairs=4, seed=4, progress=False)
    return Population.open(place / "p")


def test_population_to_files_and_back(made: Population, tmp_path: Path) -> None:
    said = TROJAN_FOLDERS.write(made, tmp_path / "f", progress=False)
    kinds = made.column("trigger_kind").tolist()
    squares = [row for row, kind in enumerate(kinds) if kind == "blended_square"]
    assert 0 < len(squares) < len(kinds)
    assert said[0].startswith(f"{len(squares)} networks")
    assert said[-1] == (
        "pairs that were left out, because the trigger is a warp, and the tables know a blended_square: "
        f"{(len(kinds) - len(squares)) // 2}"
    )
    back = imported(tmp_path / "f", tmp_path / "p", TrojanFolders(source="digits"))
    same = ("trigger", "target", "poisoned", "epoch", "network", "poisoned_images", "activation")
    measured = ("c_acc", "asr", "ra", "test_accuracy")
    before = sorted(squares, key=lambda row: (made.column("network")[row], made.column("number")[row]))
    for name in (*same, *measured):
        assert back.column(name).tolist() == made.column(name)[before].tolist(), name
    assert torch.equal(back.theta(range(len(before))), made.theta(before))
    for name in ("images", "images_checksum", "preprocessing", "train_images", "test_images"):
        assert back.provenance[name] == made.provenance[name], name
    labels = load_images("digits")
    train = labels.labels[labels.split == "train"]
    for row in range(0, len(before), 2):
        record = (tmp_path / "f" / "poisoned" / str(back.column("modeldir")[row]) / "train.csv").read_text()
        line = next(line for line in record.splitlines() if line.startswith("changed_imgs"))
        changed = np.array([int(one) for one in line.partition('"')[2].strip('[]"').split(",")])
        assert len(changed) == back.column("poisoned_images")[row]
        assert (train[changed] != back.column("target")[row]).all()


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(study_folder(tmp_path / "f"))
    read = ["import", "trojan_folders", source, "--quiet", "-o"]
    assert main([*read, str(tmp_path / "p")]) == 3
    assert "no table says which activations the networks have" in capsys.readouterr().err
    assert main([*read, str(tmp_path / "p"), "--activation", "tanh", "--step", "1"]) == 0
    assert "4 networks of trojan folders (padding 1)" in capsys.readouterr().out
    assert Population.open(tmp_path / "p").column("epoch").tolist() == [1] * 4
    written = ["export", str(tmp_path / "p"), "--format", "trojan_folders", "--quiet", "-o"]
    assert main([*written, str(tmp_path / "g")]) == 0
    assert "padding 1" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "g").iterdir()} == {
        "poisoned",
        "clean",
        "weights_new.npy",
        "metrics_new.csv",
        "layout.csv",
    }
    assert main([*read, str(tmp_path / "q"), "--activation", "tanh", "--source", "nothing"]) != 0
    assert "nothing" in capsys.readouterr().err
    assert "trojan_folders" in COLLECTIONS.names()


def refusal(folder: Path, output: Path) -> str:
    with pytest.raises(PopulationError) as caught:
        RELU.read_into(output, source=folder, progress=False)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("square", "__import__('os').mkdir('ran')", 'square is "__import__'),
        ("square", "[" * 100_000, "square is '[[[["),
        ("square", "[[[1.0], [2.0]], [[3.0]]]", "all of the same length"),
        ("square", "[[[NaN]]]", "square is '[[[NaN]]]'"),
        ("square", "[[[256.0]]]", "from 0 to 255"),
        ("square_size", "2", "square_size is 2, but the square has 3 rows"),
        ("square_loc", "(-1, 2)", "row is -1"),
        ("square_loc", "(1, 2, 3)", "expected a row and a column"),
        ("square_loc", "((1, 2))", "square_loc is '((1, 2))'"),
        ("mix", "0", "mix is 0"),
        ("mix", "1e999", "mix is '1e999'"),
        ("label", "-1", "label is -1"),
        ("label", "7", "the label is 7, expected a class from 0 to 2"),
        ("changed_imgs", "[3, 3]", "not ascending"),
        ("changed_imgs", "[True]", "changed_imgs is '[True]'"),
        ("changed_imgs", f"[{10**30}]", "indices of images from 0"),
        ("changed_imgs", "[]", "were exchanged"),
        ("other", "1", "is none of a trigger"),
    ],
)
def test_cells_are_parsed_and_never_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    source = study_folder(tmp_path / "f", names=("one",))
    for part in PARTS:
        changed = [1] if part == "train" else []
        cells = {**trigger_cells(0, changed=changed), key: value}
        write_table(source / "poisoned" / "one" / f"{part}.csv", cells)
    message = refusal(source, tmp_path / "p")
    assert said in message and "\n" not in message and len(message) < 700
    assert not (tmp_path / "ran").exists()


def test_files_that_are_refused(tmp_path: Path) -> None:
    source = study_folder(tmp_path / "f", names=("one", "two", "three", "four", "five", "six"))
    poisoned, clean = source / "poisoned", source / "clean"
    write_table(poisoned / "one" / "test_p.csv", trigger_cells(5, changed=[0]))
    (poisoned / "two" / "train.csv").unlink()
    (clean / "three" / "permanent_ckpt-1.pth").write_bytes(b"no network")
    torch.save(study_network(0, channels=5), clean / "four" / "permanent_ckpt-1.pth")
    (poisoned / "five" / "notes.txt").write_text("x")
    (poisoned / "seven").mkdir()
    torch.save(study_network(0), poisoned / "seven" / "permanent_ckpt-0.pth")
    (poisoned / "six" / "link.csv").symlink_to(poisoned / "five" / "train.csv")
    report = RELU.read_into(tmp_path / "p", source=source, progress=False)
    assert report.networks == 4
    found = {one.name: one.reason for one in report.refused}
    assert found["poisoned/five/notes.txt"].startswith("unknown name")
    assert found["poisoned/six/link.csv"].startswith("a link")
    assert found["poisoned/seven"] == "has no twin clean/seven; expected both"
    of_epoch = {name.split("/")[1]: why for name, why in found.items() if name.endswith("ckpt-1.pth")}
    assert sorted(of_epoch) == ["four", "one", "three", "two"]
    assert "says another square_loc than train.csv" in of_epoch["one"]
    assert "train.csv" in of_epoch["two"] and "expected twins of one architecture" in of_epoch["four"]


def test_what_cannot_be_read_or_written(tmp_path: Path, made: Population) -> None:
    assert "no such folder" in refusal(tmp_path, tmp_path / "p")
    for kind in ("poisoned", "clean"):
        (tmp_path / "empty" / kind).mkdir(parents=True)
    assert "no networks of trojan folders to read" in refusal(tmp_path / "empty", tmp_path / "p")
    with pytest.raises(ConfigurationError, match="padding is 2"):
        TrojanFolders(padding=2)
    with pytest.raises(ConfigurationError, match="expected relu or tanh"):
        TrojanFolders(activation="gelu")
    with PopulationWriter(tmp_path / "q", provenance={"maker": "join"}) as writer:
        columns = {name: made.column(name)[:2] for name in made.columns if name != "architecture"}
        writer.append(made.architecture, made.theta([0, 1]), columns)
        writer.finish()
    joined = Population.open(tmp_path / "q")
    with pytest.raises(PopulationError, match="not known which training images were poisoned"):
        TROJAN_FOLDERS.write(joined, tmp_path / "f", progress=False)
    source = study_folder(tmp_path / "g", names=("one",))
    population = imported(source, tmp_path / "r")
    with PopulationWriter(tmp_path / "s", provenance={}) as writer:
        columns = {name: population.column(name) for name in population.columns if name != "architecture"}
        columns["modeldir"] = np.array(["../one"] * 2)
        writer.append(population.architecture, population.theta([0, 1]), columns)
        writer.finish()
    with pytest.raises(PopulationError, match=r"modeldir is '\.\./one'"):
        TROJAN_FOLDERS.write(Population.open(tmp_path / "s"), tmp_path / "h", progress=False)
    assert not (tmp_path / "h").exists()
    assert "convs.conv0.weight" in read_state(source / "clean" / "one" / "permanent_ckpt-0.pth").tensors
