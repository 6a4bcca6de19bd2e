"""Repairing files of networks with batch norm: a class of the training, and one of the user's own."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.main import main
from scalegmn.networks import read_json
from scalegmn.trojans.repair import Repairer
from tests.training.small import options
from tests.trojans.repair.program_cases import (
    NORMED,
    clean_digits,
    module_of,
    program,
    program_population,
    program_twins,
)

OWN = """
from torch import nn

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 10)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repairer that was trained on programs for a moment."""
    folder = tmp_path_factory.mktemp("programs")
    program_population(folder / "twins")
    command = options(
        folder / "twins",
        folder / "run",
        task="trojan_repair",
        training__epochs=1,
        data__test=0.2,
        repair__images=16,
        repair__validation_images=20,
    )
    assert main(["train", *command]) == OK
    return folder / "run"


def saved(path: Path) -> dict[str, torch.Tensor]:
    """The file of a trojaned network, statistics and all."""
    like = {name: tensor.clone() for name, tensor in module_of(NORMED).state_dict().items()}
    state = program(NORMED).write_state(program_twins(NORMED)[0], like=like)
    state = {name: tensor.contiguous().clone() for name, tensor in state.items()}
    state["stages.1.num_batches_tracked"] = torch.tensor(17)
    save_file(state, path)
    return state


@pytest.mark.slow
def test_a_state_dict_with_statistics_is_repaired(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    before = saved(path)
    command = ["repair", str(path), "--model", str(run), "-o", str(output), "--max-drop", "1"]
    assert main([*command, "--images", "digits", "--image-limit", "60"]) == OK
    after, architecture = load_file(output), program(NORMED)
    assert sorted(after) == sorted(before)
    assert int(after["stages.1.num_batches_tracked"]) == 17
    expected = Repairer.open(run).repair(architecture, program_twins(NORMED)[:1].double())
    torch.testing.assert_close(architecture.read_state(after).double(), expected[0], rtol=1e-4, atol=1e-6)
    for name in ("stages.1.running_var", "stages.1.running_mean", "stages.1.weight", "stages.0.weight"):
        assert not torch.equal(after[name], before[name]), name
    module = module_of(NORMED)
    module.load_state_dict(after)
    inputs = clean_digits("test").inputs
    torch.testing.assert_close(
        module(inputs), architecture.run(expected.float(), inputs)[0], rtol=1e-3, atol=1e-4
    )
    report = read_json(Path(f"{output}.report.json"), what="report")
    changes = {one["name"]: one["relative"] for one in report["changes"]}
    assert changes["stages.1.running_deviation"] > 0 and changes["head.bias"] > 0
    accuracy = float(clean_digits("test").accuracy(architecture, program_twins(NORMED)[:1]))
    assert report["before"]["c_acc"] == pytest.approx(accuracy)
    assert "running_deviation" in capsys.readouterr().out


@pytest.mark.slow
def test_a_class_of_ones_own(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repaired_class.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    torch.default_generator.manual_seed(0)
    state = importlib.import_module("repaired_class").Own().state_dict()
    save_file(state, tmp_path / "in.safetensors")
    command = ["repair", str(tmp_path / "in.safetensors"), "--model", str(run), "-o"]
    assert main([*command, str(tmp_path / "out.safetensors")]) == DATA
    refused = capsys.readouterr().err
    assert refused.count("\n") == 1 and "unknown architecture" in refused and "--module" in refused
    module = ["--module", "repaired_class:Own", "--module-path", str(tmp_path), "--example", "1x1x8x8"]
    assert main([*command, str(tmp_path / "out.safetensors"), *module]) == OK
    after = load_file(tmp_path / "out.safetensors")
    assert set(after) == set(state) and not torch.equal(after["norm.running_var"], state["norm.running_var"])
    assert "outside the training set" in capsys.readouterr().out


def test_a_file_that_no_network_of_the_class_has_written(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    state = saved(path)
    state["stages.1.running_var"] = -torch.ones(5)
    save_file(state, path)
    assert main(["repair", str(path), "--model", str(run), "-o", str(output)]) == DATA
    assert "running_var has a value of -1" in capsys.readouterr().err
    assert not output.exists()
