from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.exit_codes import DATA, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.populations.store import Population
from training.small import options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    folder = tmp_path_factory.mktemp("embed") / "population"
    return small_population(folder, networks=48, more=(2, 4, 5, 1))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def embed(population: Population, output: Path, *more: str) -> int:
    return main(["embed", str(population.folder), "--output", str(output), "--device", "cpu", *more])


def test_picture_and_coordinates(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "picture.png"
    assert embed(population, output, "--colour", "label") == OK
    assert output.read_bytes().startswith(b"\x89PNG")
    rows = rows_of(output.with_suffix(".csv"))
    assert [int(row["row"]) for row in rows] == list(range(48))
    assert [int(row["label"]) for row in rows] == population.column("label").tolist()
    points = np.array([(float(row["x"]), float(row["y"])) for row in rows])
    # What was not said to the model shows: the label is the size of the last weights.
    means = [points[population.column("label") == label].mean(axis=0) for label in range(3)]
    assert np.linalg.norm(means[0] - means[2]) > 0.5 * points.std()
    assert "48 networks are in" in capsys.readouterr().out


def test_choice_of_networks(population: Population, tmp_path: Path) -> None:
    output = tmp_path / "picture.png"
    chosen = ["--where.split", "train", "--where.label", "[0, 2]"]
    assert embed(population, output, *chosen, "--limit", "10", "--seed", "3", "--method", "tsne") == OK
    rows = rows_of(output.with_suffix(".csv"))
    numbers = [int(row["row"]) for row in rows]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert set(population.column("label")[numbers].tolist()) == {0, 2}
    assert set(population.column("split")[numbers].tolist()) == {"train"}
    first = output.with_suffix(".csv").read_text()
    assert embed(population, output, *chosen, "--limit", "10", "--seed", "3", "--method", "tsne") == OK
    assert output.with_suffix(".csv").read_text() == first


def test_trained_model(population: Population, tmp_path: Path) -> None:
    assert main(["train", *options(population.folder, tmp_path / "run")]) == OK
    output = tmp_path / "picture.png"
    assert embed(population, output, "--run", str(tmp_path / "run")) == OK
    trained = output.with_suffix(".csv").read_text()
    assert embed(population, output) == OK
    assert output.with_suffix(".csv").read_text() != trained
    assert list(rows_of(output.with_suffix(".csv"))[0]) == ["row", "x", "y"]


def test_model_without_vectors_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alike = small_population(tmp_path / "population", networks=48)
    flat = options(alike.folder, tmp_path / "run", metanetwork="flat_mlp")
    assert main(["train", *flat]) == OK
    assert embed(alike, tmp_path / "picture.png", "--run", str(tmp_path / "run")) == USAGE
    assert "holds a FlatMLP" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--colour", "colour"], DATA, "no column 'colour'"),
        (["--where.label", "7"], USAGE, "no network of"),
        (["--where.other", "7"], USAGE, "no column 'other'"),
        (["--limit", "0"], USAGE, "--limit is 0"),
        (["--limit", "2"], USAGE, "2 networks make no picture"),
        (["--batch_size", "0"], USAGE, "--batch_size is 0"),
        (["--method", "umap"], USAGE, "umap"),
        (["--run", "nowhere"], USAGE, "there is no such run folder"),
        (["--device", "nonsense"], USAGE, "nonsense"),
    ],
)
def test_wrong_usage(
    population: Population,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    message: str,
) -> None:
    assert embed(population, tmp_path / "picture.png", *more) == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_picture_must_be_a_png(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert embed(population, tmp_path / "picture.csv") == USAGE
    assert "ends in .png" in capsys.readouterr().err
