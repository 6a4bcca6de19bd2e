from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.main import main
from scalegmn.populations.store import Population

FEW = ["--train_limit", "3", "--test_limit", "2", "--hidden", "[4, 4]", "--steps", "5", "--quiet"]


def make(folder: Path, *options: str) -> int:
    return main(["make", "inrs", "--source", "digits", "-o", str(folder), *FEW, *options])


def test_networks_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--copies",
        "2",
        "--frequency",
        "12.5",
        "--learning_rate",
        "1e-3",
        "--seed",
        "5",
        "--order",
        "ij",
    )
    assert make(tmp_path / "networks", *options) == 0
    population = Population.open(tmp_path / "networks")
    assert len(population) == 10
    assert population.architecture.num_parameters == 4 * 3 + 4 * 5 + 5
    np.testing.assert_array_equal(population.column("image"), [0, 0, 1, 1, 2, 2, 0, 0, 1, 1])
    assert population.column("split").tolist() == ["train"] * 6 + ["test"] * 4
    recipe = population.provenance["recipe"]
    assert isinstance(recipe, dict)
    assert {name: recipe[name] for name in ("frequency", "steps", "learning_rate", "order", "hidden")} == {
        "frequency": 12.5,
        "steps": 5,
        "learning_rate": 1e-3,
        "order": "ij",
        "hidden": [4, 4],
    }
    # What was not given is as the recipe has it.
    assert recipe["initialisation"] == "uniform"
    assert population.provenance["seed"] == 5
    shown = capsys.readouterr().out
    assert "10 networks 2-4-4-1" in shown
    assert "dB PSNR" in shown


def test_recipe_of_cifar(tmp_path: Path) -> None:
    assert make(tmp_path / "networks", "--recipe", "cifar10") == 0
    architecture = Population.open(tmp_path / "networks").architecture
    assert architecture.parameters[0].name == "net.0.linear.weight"


def test_other_depth_gets_names_of_its_own(tmp_path: Path) -> None:
    assert make(tmp_path / "networks", "--recipe", "cifar10", "--hidden", "[4]") == 0
    architecture = Population.open(tmp_path / "networks").architecture
    assert [p.name for p in architecture.parameters][::2] == ["seq.0.weight", "seq.1.weight"]


def test_second_call_needs_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "networks"
    assert make(folder) == 0
    before = Population.open(folder).checksum
    assert make(folder) == 3
    assert "--resume" in capsys.readouterr().err
    assert make(folder, "--resume") == 0
    assert Population.open(folder).checksum == before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--stepz", "3"], 2, "stepz"),
        (["--steps", "many"], 2, "steps"),
        (["--steps", "0"], 2, "steps is 0"),
        (["--copies", "0"], 2, "copies is 0"),
        (["--order", "yx"], 2, "order"),
        (["--train_limit", "-1"], 2, "--train_limit is -1"),
        (["--source", "digitz"], 3, "did you mean 'digits'"),
        (["--source", "mnist"], 3, "SCALEGMN_DATA"),
    ],
)
def test_mistakes(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path / "networks", *options) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "networks" / "index.json").exists()


def test_output_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make", "inrs", "--source", "digits"]) == 2
    assert "output" in capsys.readouterr().err
    assert main(["make"]) == 2


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make", "inrs", "--help"]) == 0
    assert "--copies" in capsys.readouterr().out
