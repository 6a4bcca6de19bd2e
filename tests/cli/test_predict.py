from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.main import main
from scalegmn.networks.checkpoints import write_state
from scalegmn.populations.store import Population
from scalegmn.training.run_folder import Run
from training.small import options, small_population


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, its population, and three of its networks as files."""
    folder = tmp_path_factory.mktemp("predict")
    population = small_population(folder / "population")
    assert main(["train", *options(population.folder, folder / "run")]) == OK
    states = [population.architecture.unflatten(theta) for theta in population.theta([1, 2, 3])]
    torch.save({**states[0], "label": 1}, folder / "a.pth")
    np.savez(folder / "b.npz", **{name: value.numpy() for name, value in states[1].items()})
    write_state(folder / "c.safetensors", states[2])
    return folder


def answers(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_files_get_the_answers_of_their_networks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / name) for name in ("a.pth", "b.npz", "c.safetensors")]
    capsys.readouterr()
    assert main(["predict", str(folder / "run"), *files, "--json"]) == OK
    run = Run.open(folder / "run")
    population = Population.open(folder / "population")
    expected = run.outputs(population.architecture, population.theta([1, 2, 3])).softmax(1)
    for answer, shares, path in zip(answers(capsys), expected, files, strict=True):
        assert answer["file"] == path
        assert answer["label"] == int(shares.argmax())
        assert answer["class"] == str(int(shares.argmax()))
        assert answer["probability"] == pytest.approx(float(shares.max()), abs=1e-6)
        assert answer["probabilities"] == pytest.approx(
            {str(i): float(share) for i, share in enumerate(shares)}, abs=1e-6
        )


def test_the_phase_of_a_neuron_does_not_matter(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    population = Population.open(folder / "population")
    state = population.architecture.unflatten(population.theta([1])[0].double().clone())
    state["seq.0.bias"][2] += torch.pi / 30
    state["seq.1.weight"][:, 2] *= -1
    write_state(tmp_path / "turned.safetensors", state)
    capsys.readouterr()
    assert (
        main(
            [
                "predict",
                str(folder / "run"),
                str(folder / "a.pth"),
                str(tmp_path / "turned.safetensors"),
                "--json",
            ]
        )
        == OK
    )
    one, other = answers(capsys)
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_bad_files_are_reported_and_the_others_done(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"other": torch.ones(3)}, tmp_path / "foreign.pt")
    (tmp_path / "empty.npz").touch()
    state = torch.load(folder / "a.pth", weights_only=True)
    torch.save(state | {"seq.0.bias": torch.full((6,), torch.nan)}, tmp_path / "nan.pth")
    torch.save(state | {"seq.0.bias": torch.ones(7)}, tmp_path / "shape.pth")
    bad = [
        tmp_path / name for name in ("foreign.pt", "empty.npz", "nan.pth", "shape.pth", "missing.pt", "x.txt")
    ]
    capsys.readouterr()
    command = ["predict", str(folder / "run"), *map(str, bad), str(folder / "b.npz")]
    assert main(command) == DATA
    captured = capsys.readouterr()
    assert "Predictions" in captured.out
    assert len(captured.err.splitlines()) >= len(bad)
    for path in bad:
        assert str(path) in captured.err
    assert main([*command, "--json"]) == DATA
    found = answers(capsys)
    assert ["error" in answer for answer in found] == [True] * len(bad) + [False]


def test_only_bad_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(folder / "run"), str(tmp_path / "none.pt")]) == DATA
    assert "none.pt" in capsys.readouterr().err
