from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.main import main
from scalegmn.populations import Population

FEW = ["--train-limit", "3", "--test-limit", "2", "--hidden", "[4, 4]", "--steps", "5", "--quiet"]


def make(folder: Path, *options: str) -> int:
    return main(["make", "inrs", "--source", "digits", "-o", str(folder), *FEW, *options])


def test_networks_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--copies",
        "2",
        "--frequency",
        "12.5",
        "--learning-rate",
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
    assert recipe["initialization"] == "uniform"
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
        (["--device", "abacus"], 2, "device 'abacus' cannot be used"),
        (["--train-limit", "-1"], 2, "--train-limit is -1"),
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


FEW_CNNS = (
    "--train-limit=24",
    "--test-limit=10",
    "--checkpoints=[0, 1]",
    "--batch-size=8",
    "--networks=3",
    "--workers=1",
    "--quiet",
)


def make_cnns(folder: Path, *options: str, source: str = "digits", few: tuple[str, ...] = FEW_CNNS) -> int:
    return main(["make", "cnns", f"--source={source}", "-o", str(folder), *few, *options])


def test_convolutional_networks_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--channels=[3, 4]",
        "--activations=[tanh]",
        "--optimizers=[sgd]",
        "--learning-rate=[0.01, 0.02]",
        "--train-fractions=[0.5]",
        "--image-size=7",
        "--seed=5",
    )
    assert make_cnns(tmp_path / "networks", *options) == 0
    population = Population.open(tmp_path / "networks")
    assert len(population) == 6
    assert population.architecture.num_parameters == (9 + 1) * 3 + (27 + 1) * 4 + (4 + 1) * 10
    assert population.column("network").tolist() == [0, 0, 1, 1, 2, 2]
    assert population.column("epoch").tolist() == [0, 1] * 3
    assert set(population.column("activation")) == {"tanh"}
    assert set(population.column("optimizer")) == {"sgd"}
    assert set(population.column("train_fraction")) == {0.5}
    rates = population.column("learning_rate")
    assert 0.01 <= rates.min() < rates.max() <= 0.02
    recipe = population.provenance["recipe"]
    assert isinstance(recipe, dict)
    assert (recipe["batch_size"], recipe["image_size"]) == (8, 7)
    # What was not given is as the classes have it.
    assert recipe["family"]["stride"] == 2 and recipe["space"]["l2"] == [1e-8, 1e-2]
    assert (population.provenance["seed"], population.provenance["train_images"]) == (5, 24)
    shown = capsys.readouterr().out
    assert "3 networks of 1 architecture, 6 with all checkpoints" in shown
    assert "epoch 0: test accuracy" in shown and "epoch 1: test accuracy" in shown


def test_networks_of_random_architectures_are_made(tmp_path: Path) -> None:
    options = (
        "--family=mixed",
        "--networks-each=1",
        "--depths=[2]",
        "--wild-channels=[2, 3]",
        "--kernel-sizes=[1, 3]",
        "--wild-activations=[gelu]",
    )
    assert make_cnns(tmp_path / "networks", *options) == 0
    population = Population.open(tmp_path / "networks")
    assert set(population.column("activations")) == {"gelu gelu"}
    assert sorted(population.column("architecture_number").tolist()) == [0, 0, 1, 1, 2, 2]
    assert population.provenance["family"] == "mixed"


def test_diverged_networks_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--channels=[2]", "--optimizers=[sgd]", "--learning-rate=[1e30, 1e30]")
    assert make_cnns(tmp_path / "networks", *options) == 0
    assert "3 networks diverged and are marked: [0, 1, 2]" in capsys.readouterr().out
    diverged = Population.open(tmp_path / "networks").column("diverged")
    assert diverged.tolist() == [False, True] * 3


def test_second_call_for_convolutional_networks_needs_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, sizes = tmp_path / "networks", ("--channels=[2]",)
    assert make_cnns(folder, *sizes) == 0
    before = Population.open(folder).checksum
    assert make_cnns(folder, *sizes) == 3
    assert "--resume" in capsys.readouterr().err
    assert make_cnns(folder, *sizes, "--resume") == 0
    # A population of another recipe stays as it is.
    assert make_cnns(folder, "--channels=[3]", "--resume") == 3
    assert "recipe" in capsys.readouterr().err
    assert Population.open(folder).checksum == before


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--channelz=[3]"], 2, "channelz"),
        (["--networks=many"], 2, "networks"),
        (["--networks=0"], 2, "networks is 0"),
        (["--workers=0"], 2, "workers is 0"),
        (["--inner-batch=0"], 2, "inner_batch is 0"),
        (["--activations=[relu, tanhh]"], 2, "did you mean 'tanh'"),
        (["--family=mixed", "--wild-activations=[swish]"], 2, "swish"),
        (["--family=wild"], 2, "family"),
        (["--depths=[2]"], 2, "--depths: only for --family mixed"),
        (
            ["--family=mixed", "--channels=[2]", "--kernel=3"],
            2,
            "--channels, --kernel: only for --family zoo",
        ),
        (["--optimizers=[lion]"], 2, "optimizers"),
        (["--dropout=[0.5, 1.0]"], 2, "dropout is (0.5, 1.0)"),
        (["--checkpoints=[2, 1]"], 2, "in order"),
        (["--image-size=9"], 2, "image_size is 9, expected 1 to 8"),
        # Three convolutions of stride 2, as published, are too many for images of 8 x 8.
        ([], 2, "8 x 8 pixels"),
        (["--channels=[2, 2, 2]", "--padding=1", "--kernel=6", "--image-size=2"], 2, "2 x 2 pixels"),
        (["--family=mixed", "--max-parameters=3"], 2, "max_parameters is 3"),
        (["--test-limit=0"], 3, "no test images"),
        (["--device=abacus"], 2, "device 'abacus' cannot be used"),
    ],
)
def test_mistakes_about_convolutional_networks(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_cnns(tmp_path / "networks", *options) == code
    assert message in capsys.readouterr().err
    # Nothing stands in the way of the corrected call.
    assert not (tmp_path / "networks").exists()


def test_unknown_images_of_convolutional_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_cnns(tmp_path / "networks", source="digitz") == 3
    assert "did you mean 'digits'" in capsys.readouterr().err


def test_number_of_convolutional_networks_is_required(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_cnns(tmp_path / "networks", few=()) == 2
    assert "networks" in capsys.readouterr().err
    assert main(["make", "cnns", "--help"]) == 0
    assert "--train-fractions" in capsys.readouterr().out
