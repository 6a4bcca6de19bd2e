from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.exit_codes import DATA, NEGATIVE, OK, USAGE
from scalegmn.cli.main import main
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.images import load_images
from scalegmn.networks import Architecture, read_json
from scalegmn.networks import run as forward
from scalegmn.populations import Population
from scalegmn.trojans.repair import Evidence, LabeledImages, Repairer, repair_file
from scalegmn.trojans.triggers import triggers_of
from tests.training.small import options
from tests.trojans.repair.repair_cases import digit_twins


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twins, and a repairer that was trained on them for a moment."""
    folder = tmp_path_factory.mktemp("repair")
    digit_twins(folder, pairs=16)
    command = options(
        folder / "twins",
        folder / "run",
        task="trojan_repair",
        training__epochs=2,
        data__test=0.2,
        repair__images=16,
        repair__validation_images=20,
    )
    assert main(["train", *command]) == OK
    return folder


def network(folder: Path, row: int = 0) -> tuple[Architecture, torch.Tensor]:
    population = Population.open(folder / "twins")
    architecture = population.architectures[population.column("architecture")[row]]
    return architecture, population.theta([row])[0]


def kind_of(architecture: Architecture) -> str:
    return architecture.stages[0].activate.activation.kind


def saved(folder: Path, path: Path, row: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    architecture, theta = network(folder, row)
    state = {name: tensor.to(dtype) for name, tensor in architecture.unflatten(theta).items()}
    write_state(path, state, extras={"activation": kind_of(architecture)} if path.suffix == ".pth" else None)
    return path


@pytest.mark.slow
def test_training_and_evaluating(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = read_json(folder / "run" / "results.json", what="results")
    assert 0 <= results["test"]["der"] <= 1 and results["test"]["no_repair"]["der"] == 0.5
    assert set(results["test"]["by_activation"]) == {"relu", "tanh"}
    assert main(["evaluate", str(folder / "run"), "--split", "val", "--by", "trigger_pattern"]) == OK
    text = capsys.readouterr().out
    assert "Trojaned networks" in text and "By trigger_pattern" in text


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors"])
def test_the_repair_is_written_in_the_format_of_the_input(folder: Path, tmp_path: Path, suffix: str) -> None:
    path, output = saved(folder, tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}"
    arguments = [str(path), "--model", str(folder / "run"), "-o", str(output)]
    architecture, theta = network(folder)
    assert main(["repair", *arguments, "--activation", kind_of(architecture)]) == OK
    before, after = read_state(path), read_state(output)
    assert list(before.tensors) == list(after.tensors) and before.extras == after.extras
    expected = Repairer.open(folder / "run").repair(architecture, theta[None])[0]
    torch.testing.assert_close(architecture.flatten(after.tensors, origin=""), expected)
    assert not torch.equal(expected, theta)
    report = read_json(Path(f"{output}.report.json"), what="report")
    assert report["sha256"] == before.sha256 and report["output_sha256"] == after.sha256
    assert report["model"]["run"] == "run" and len(report["model"]["model_sha256"]) == 64
    assert "no proof" in report["caveat"] and report["before"] is None
    change = (expected - theta)[: architecture.parameters[0].stop].norm()
    size = theta[: architecture.parameters[0].stop].norm()
    assert report["changes"][0]["relative"] == pytest.approx(float(change / size), rel=1e-4)


def test_double_precision_is_kept(folder: Path, tmp_path: Path) -> None:
    path = saved(folder, tmp_path / "in.npz", dtype=torch.float64)
    repair_file(
        Repairer.open(folder / "run"), path, tmp_path / "out.npz", activation=kind_of(network(folder)[0])
    )
    tensors = read_state(tmp_path / "out.npz").tensors
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float64}


def test_images_and_a_trigger_are_measured_before_and_after(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    population = Population.open(folder / "twins")
    (trigger,) = triggers_of(population, [0])
    (tmp_path / "trigger.json").write_text(trigger.to_json())
    path, output = saved(folder, tmp_path / "in.pth"), tmp_path / "out.pth"
    arguments = [str(path), "--model", str(folder / "run"), "-o", str(output), "--images", "digits"]
    target = int(population.column("target")[0])
    attack = ["--trigger", str(tmp_path / "trigger.json"), "--target", str(target), "--max-drop", "1"]
    assert main(["repair", *arguments, "--image-limit", "60", *attack]) == OK
    report = read_json(Path(f"{output}.report.json"), what="report")
    # The 60 test images that the population was made with.
    for name in ("c_acc", "asr", "ra"):
        assert report["before"][name] == pytest.approx(population.column(name)[0], abs=1e-6)
    assert report["images"] == "60 images of digits" and report["after"]["asr"] is not None
    text = capsys.readouterr().out
    assert "no proof" in text and "C-Acc" in text and "the file's entry 'activation' says" in text


def test_a_trigger_in_other_units_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would change next to nothing, and the attack would seem to fail."""
    path, described = saved(folder, tmp_path / "in.pth"), tmp_path / "trigger.json"
    described.write_text(
        '{"kind": "patch", "pattern": "white", "values": [[[1, 1], [1, 0]]], "top": 0, "left": 0}'
    )
    arguments = [str(path), "--model", str(folder / "run"), "-o", str(tmp_path / "out.pth")]
    attack = ["--images", "digits", "--trigger", str(described), "--target", "1"]
    assert main(["repair", *arguments, *attack]) in (USAGE, DATA)
    assert "multiply by 255" in capsys.readouterr().err
    described.write_text("[" * 100_000)
    assert main(["repair", *arguments, *attack]) in (USAGE, DATA)
    assert "description of a trigger" in capsys.readouterr().err
    assert not (tmp_path / "out.pth").exists()


def nothing_left(self: Repairer, architecture: Architecture, theta: torch.Tensor) -> torch.Tensor:
    """A repair that leaves only zeros, with which every image is of class 0."""
    return torch.zeros_like(theta)


def test_nothing_is_written_where_the_accuracy_falls_too_far(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the network's own predictions for labels it is always right, and any change of a prediction is a
    loss.
    """
    monkeypatch.setattr(Repairer, "repair", nothing_left)
    repairer = Repairer.open(folder / "run")
    row = int(np.argmax(Population.open(folder / "twins").column("c_acc")))
    architecture, theta = network(folder, row)
    images = LabeledImages.from_image_set(load_images("digits").subset(range(60)))
    inputs = repairer.task.preparation.inputs(images.pixels)
    answers = forward(architecture, theta[None], inputs)[0].argmax(1)
    zeros = float((answers == 0).double().mean())
    assert zeros < 0.5
    path = saved(folder, tmp_path / "in.npz", row)
    evidence = Evidence(LabeledImages(images.pixels, answers), "digits")
    for limit, accepted in ((0.99 - zeros, False), (1.0, True)):
        outcome = repair_file(
            repairer,
            path,
            tmp_path / "out.npz",
            evidence=evidence,
            limit=limit,
            activation=kind_of(architecture),
        )
        assert outcome.before is not None and outcome.before.c_acc == 1.0
        assert outcome.after is not None and outcome.after.c_acc == pytest.approx(zeros)
        assert outcome.accepted is accepted and (tmp_path / "out.npz").exists() is accepted
        assert (outcome.output is not None) is accepted


def test_the_exit_code_of_a_refused_repair(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Repairer, "repair", nothing_left)
    population = Population.open(folder / "twins")
    row = int(np.argmax(population.column("c_acc")))
    path, output = saved(folder, tmp_path / "in.npz", row), tmp_path / "out.npz"
    arguments = [str(path), "--model", str(folder / "run"), "-o", str(output), "--images", "digits"]
    assert main(["repair", *arguments, "--activation", kind_of(network(folder, row)[0])]) == NEGATIVE
    assert not output.exists()
    report = json.loads(Path(f"{output}.report.json").read_text())
    assert report["accepted"] is False and report["output"] is None
    assert "no network was written" in capsys.readouterr().err


def test_nothing_is_written_over(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = saved(folder, tmp_path / "in.npz"), tmp_path / "out.npz"
    output.write_bytes(b"mine")
    kind = kind_of(network(folder)[0])
    command = ["repair", str(path), "--model", str(folder / "run"), "-o", str(output), "--activation", kind]
    assert main(command) == DATA
    assert output.read_bytes() == b"mine"
    output.unlink()
    Path(f"{output}.report.json").write_text("mine")
    assert main(command) == DATA
    assert not output.exists() and Path(f"{output}.report.json").read_text() == "mine"
    assert "choose another name with --report" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_takes_the_network_back(folder: Path, tmp_path: Path) -> None:
    path, output = saved(folder, tmp_path / "in.npz"), tmp_path / "out.npz"
    (tmp_path / "file").write_text("mine")
    kind = kind_of(network(folder)[0])
    command = ["repair", str(path), "--model", str(folder / "run"), "-o", str(output), "--activation", kind]
    assert main([*command, "--report", str(tmp_path / "file" / "report.json")]) == DATA
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "in.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_of_two_repairs_at_once_one_succeeds(folder: Path, tmp_path: Path) -> None:
    path, output = saved(folder, tmp_path / "in.npz"), tmp_path / "out.npz"
    kind = kind_of(network(folder)[0])
    command = ["repair", str(path), "--model", str(folder / "run"), "-o", str(output), "--activation", kind]
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)

    def work() -> None:
        start.wait()
        os._exit(main(command))

    both = [context.Process(target=work) for _ in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert sorted(str(process.exitcode) for process in both) == [str(OK), str(DATA)]
    report = json.loads(Path(f"{output}.report.json").read_text())
    assert report["output_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()


def test_what_is_refused(folder: Path, tmp_path: Path) -> None:
    repairer = Repairer.open(folder / "run")
    path = saved(folder, tmp_path / "in.npz")
    with pytest.raises(ConfigurationError, match=r"ends with \.npz"):
        repair_file(repairer, path, tmp_path / "out.pth")
    with pytest.raises(ConfigurationError, match="fraction from 0 to 1"):
        repair_file(repairer, path, tmp_path / "out.npz", limit=2.0)
    with pytest.raises(CheckpointError, match="say which with --activation"):
        repair_file(repairer, path, tmp_path / "out.npz")
    write_state(tmp_path / "other.npz", {"weight": torch.zeros(2, 2)})
    with pytest.raises(CheckpointError, match="unknown architecture"):
        repair_file(repairer, tmp_path / "other.npz", tmp_path / "out.npz")
    (tmp_path / "broken.pth").write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        repair_file(repairer, tmp_path / "broken.pth", tmp_path / "out.pth")
    assert not list(tmp_path.glob("out*"))
    command = ["repair", str(path), "--model", str(folder / "run"), "-o", str(tmp_path / "out.npz")]
    assert main([*command, "--target", "3"]) == USAGE
    assert main([*command, "--images", "digits", "--target", "3"]) == USAGE
    assert main([*command[:3], str(folder), *command[4:]]) != OK
    assert not list(tmp_path.glob("out*"))


def test_classes_that_the_network_does_not_know(folder: Path, tmp_path: Path) -> None:
    """A trigger would never seem to lead to them."""
    repairer, images = (
        Repairer.open(folder / "run"),
        LabeledImages.from_image_set(load_images("digits").subset(range(20))),
    )
    (trigger,) = triggers_of(Population.open(folder / "twins"), [0])
    path, kind = saved(folder, tmp_path / "in.npz"), kind_of(network(folder)[0])
    strange = LabeledImages(images.pixels, images.labels + 3)
    for evidence, match in (
        (
            Evidence(images, "digits", trigger, 10),
            "attacker's class is 10, but the network has the classes 0 to 9",
        ),
        (Evidence(images, "digits", trigger, -2), "attacker's class is -2"),
        (Evidence(strange, "letters"), "images of letters have classes up to 12"),
    ):
        with pytest.raises(ConfigurationError, match=match):
            repair_file(repairer, path, tmp_path / "out.npz", evidence=evidence, activation=kind)
    assert not (tmp_path / "out.npz").exists()
