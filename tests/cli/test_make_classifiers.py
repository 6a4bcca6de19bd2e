"""The command that makes classifiers of many architectures."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.cli.main import main
from scalegmn.populations import Population

FEW = (
    "--train-limit=40",
    "--test-limit=10",
    "--image-size=8",
    "--batch-size=8",
    "--networks=3",
    "--networks-each=2",
    "--designs=[cnn-6-8-k5-stride-leaky_relu, cnn-4-8-k3-max-relu-flat]",
    "--train-fractions=[0.5]",
    "--steps=[2]",
    "--workers=1",
    "--quiet",
)


def make(folder: Path, *options: str, few: tuple[str, ...] = FEW) -> int:
    return main(["make", "classifiers", "--source=digits", "-o", str(folder), *few, *options])


@pytest.mark.slow
def test_classifiers_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--optimizers=[sgd]",
        "--label-noise=[0.25]",
        "--init-scale=[0.5, 0.6]",
        "--seed=5",
        "--judged=7",
    )
    assert make(tmp_path / "networks", *options) == 0
    population = Population.open(tmp_path / "networks")
    assert population.column("network").tolist() == [0, 1, 2]
    assert population.column("architecture_number").tolist() == [0, 0, 1]
    assert set(population.column("optimizer")) == {"sgd"}
    assert set(population.column("label_noise")) == {0.25}
    assert set(population.column("train_fraction")) == {0.5}
    scales = population.column("init_scale")
    assert 0.5 <= scales.min() < scales.max() <= 0.6
    recipe = population.provenance["recipe"]
    assert isinstance(recipe, dict)
    assert (recipe["batch_size"], recipe["image_size"], recipe["judged"]) == (8, 8, 7)
    # What was not given is as the classes have it.
    assert recipe["grayscale"] is True and recipe["space"]["dropout"] == [0.0, 0.3]
    assert population.provenance["seed"] == 5
    shown = capsys.readouterr().out
    assert "3 networks of 2 architectures" in shown and "cnn, 3 networks: test accuracy" in shown
    assert make(tmp_path / "networks", *options) == 3
    assert "--resume" in capsys.readouterr().err
    assert make(tmp_path / "networks", *options, "--resume") == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--designz=[x]"], 2, "did you mean --designs"),
        (
            ["--designs=[resnet-1]"],
            2,
            "--designs names 'resnet-1', expected some of resnet-4-8-16-b1-k3-relu",
        ),
        (["--families=[vit]"], 2, "--designs names 'cnn-6-8-k5-stride-leaky_relu', expected some of vit-"),
        (["--families=[vitt]"], 2, "--families names 'vitt', expected some of resnet, cnn, vit"),
        (["--families=[]", "--designs=[]"], 2, "leave no architecture"),
        (["--networks=0"], 2, "networks is 0"),
        (["--steps=[0]"], 2, "steps"),
        (["--label-noise=[2]"], 2, "label_noise"),
        (["--batch-size=32"], 2, "leaves a network 20 of 40 images"),
        (["--image-size=9"], 2, "image_size is 9, expected 1 to 8"),
        (["--test-limit=0"], 3, "no test images"),
    ],
)
def test_mistakes_about_classifiers(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(tmp_path / "networks", *options) == code
    assert message in capsys.readouterr().err
    # Nothing stands in the way of the corrected call.
    assert not (tmp_path / "networks").exists()


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make", "classifiers", "--help"]) == 0
    assert "--label-noise" in capsys.readouterr().out


def test_other_recipes_have_other_architectures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = "cnn-8-16-16-k3-stride-relu-flat-s2"
    few = tuple(option for option in FEW if not option.startswith("--designs"))
    options = ("--recipe=trojan_bases", f"--designs=[{label}]")
    assert make(tmp_path / "bases", *options, few=few) == 0
    population = Population.open(tmp_path / "bases")
    assert set(population.column("design")) == {label} and set(population.column("recipe")) == {
        "trojan_bases"
    }
    assert population.architecture.as_layers is not None
    assert make(tmp_path / "none", "--recipe=mine", few=few) == 2
    assert "expected one of modern, trojan_bases, trojan_bases_sgd" in capsys.readouterr().err
    assert make(tmp_path / "none", "--recipe=trojan_bases", "--families=[vit]", few=few) == 2
    assert "--families names 'vit', expected some of cnn, resnet" in capsys.readouterr().err
