from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import main
from scalegmn.populations import Population
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return small_population(tmp_path_factory.mktemp("neighbors") / "population", networks=96)


def embed(population: Population, output: Path, *more: str) -> int:
    return main(["embed", str(population.folder), "--output", str(output), "--device", "cpu", *more])


@pytest.mark.slow
def test_neighbors_of_a_trained_model(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        command = ["train", *options(population.folder, tmp_path / name, model__symmetry="permutation")]
        assert main(command) == OK
    capsys.readouterr()
    runs = ["--run", str(tmp_path / "one"), "--beside", str(tmp_path / "two")]
    output = tmp_path / "picture.png"
    assert embed(population, output, *runs, "--color", "label", "--neighbors", "4") == OK
    found = json.loads(output.with_suffix(".json").read_text())
    assert list(found["by"]) == [
        "the model of one",
        "the model of two",
        "an untrained ScaleGMN",
        "an untrained permutation-only model",
        "weights as they are",
    ]
    # A quarter of the networks is the test; the others were learned from.
    assert (found["learned_from_and_left_out"], found["without_class_or_vector"]) == (72, 0)
    assert {one["networks"] for one in found["by"].values()} == {24}
    printed = capsys.readouterr().out
    assert "Of the 4 nearest of 24 networks" in printed and "72 networks are not among them" in printed


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (["--neighbors", "10"], "say with --color which column"),
        (["--neighbors", "0", "--color", "label"], "--neighbors is 0, expected 1 or more"),
        (["--beside", "somewhere"], "say how many with --neighbors"),
    ],
)
def test_options_that_do_not_belong_together(
    population: Population, tmp_path: Path, more: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "picture.png"
    assert embed(population, output, *more) == USAGE
    assert match in capsys.readouterr().err
    assert not output.exists()
