"""Networks of files that are written anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.alignment import SavedReader
from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.main import main
from scalegmn.networks import Activation, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.files import save_program
from scalegmn.programs.onnx import load_onnx
from scalegmn.seeding import generator
from tests.programs.onnx.networks import NETWORKS

NETWORK = mlp(widths=(3, 6, 5, 2), activations=[Activation("relu")] * 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    theta = torch.randn(NETWORK.num_parameters, generator=generator(0))
    tensors = {f"net.{name}": value.clone() for name, value in NETWORK.unflatten(theta).items()}
    torch.save({"state": tensors}, tmp_path / "network.pt")
    return tmp_path / "network.pt"


def answers(path: Path, inputs: Tensor, **options: str) -> Tensor:
    network = SavedReader(**options).read(path)  # type: ignore[arg-type]
    return network.architecture.run(network.theta[None], inputs)[0]


def test_neurons_are_added_and_left_out_again(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide, narrow = tmp_path / "wide.safetensors", tmp_path / "narrow.safetensors"
    assert main(["rewrite", str(file), "-o", str(wide), "--activation", "relu", "--neurons", "2"]) == 0
    shown = capsys.readouterr().out
    assert "kinds: unread, split, cancel, group" in shown and "14 x 3" in shown
    assert "outputs for random inputs changed by" in shown and "e-0" in shown
    inputs = torch.randn(9, 3, generator=generator(1), dtype=torch.float64)
    before, after = answers(file, inputs, activation="relu"), answers(wide, inputs)
    assert float((before - after).abs().max() / before.abs().max()) < 1e-3
    assert main(["rewrite", str(wide), "-o", str(narrow), "--reduce"]) == 0
    assert "14 x 3" in capsys.readouterr().out
    assert SavedReader().read(narrow).architecture == SavedReader(activation="relu").read(file).architecture
    after = answers(narrow, inputs)
    assert float((before - after).abs().max() / before.abs().max()) < 1e-3


def test_the_group_keeps_format_and_names(file: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.pt"
    command = ["rewrite", str(file), "-o", str(moved), "--kinds", "group", "--activation", "relu"]
    assert main(command) == 0
    state, old = read_state(moved), read_state(file)
    assert state.names == old.names and state.path == old.path
    assert main(["same", str(file), str(moved), "--activation", "relu"]) == 0
    assert main([*command[:-2], "--activation", "relu", "--seed", "1", "--replace"]) == 0
    again = read_state(moved)
    assert any(not torch.equal(again.tensors[name], value) for name, value in state.tensors.items())


@pytest.mark.slow
def test_programs_are_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)).eval()
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 3))
    save_program(architecture.program, tmp_path / "program.json")
    torch.save(module.state_dict(), tmp_path / "a.pt")
    command = ["rewrite", str(tmp_path / "a.pt"), "--program", str(tmp_path / "program.json"), "-o"]
    assert main([*command, str(tmp_path / "b.pt"), "--kinds", "gains"]) == 0
    assert set(torch.load(tmp_path / "b.pt")) == set(module.state_dict())
    assert main([*command, str(tmp_path / "c.safetensors")]) == 0
    assert "kinds: unread, split, cancel, gains, group" in capsys.readouterr().out
    inputs = torch.randn(5, 3, dtype=torch.float64)
    expected = architecture.run(architecture.read_state(module.double().state_dict())[None], inputs)[0]
    assert torch.allclose(answers(tmp_path / "c.safetensors", inputs), expected, atol=1e-4)
    assert main([*command, str(tmp_path / "d.safetensors"), "--neurons", "3", "--kinds", "gains"]) == 2
    assert "--neurons is 3, but none are added" in capsys.readouterr().err
    assert not (tmp_path / "d.safetensors").exists()


@pytest.mark.slow
def test_onnx_files_are_moved(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    path, moved = NETWORKS["perceptron"].graph().save(tmp_path), tmp_path / "moved.onnx"
    assert main(["rewrite", str(path), "-o", str(moved), "--kinds", "group"]) == 0
    before, after = load_onnx(path), load_onnx(moved)
    assert before.program == after.program
    assert any(not torch.equal(value, after.state[name]) for name, value in before.state.items())


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["-o", "network.pt", "--replace"], 2, "is the network itself"),
        (["-o", "new.pt"], 2, "a name that ends with .safetensors, or --kinds that add no neurons"),
        (["-o", "new.safetensors", "--kinds", "splitt"], 2, "did you mean 'split'?"),
        (["-o", "new.safetensors", "--kinds", ","], 2, "no kinds of rewriting are named"),
        (["-o", "new.safetensors", "--neurons", "0"], 2, "--neurons is 0, expected 1 or more"),
        (["-o", "new.safetensors", "--spread", "0"], 2, "--spread is 0.0, expected a number from 1"),
        (["-o", "new.safetensors", "--fraction", "2"], 2, "--fraction is 2.0, expected a number from 0 to 1"),
        (["-o", "new.safetensors", "--tolerance", "1e-3"], 2, "--tolerance is for --reduce"),
        (["-o", "new.safetensors", "--reduce", "--kinds", "group"], 2, "--reduce takes neurons away"),
        (["-o", "new.safetensors", "--kinds", "gains"], 3, "it has no norms"),
        (["-o", "old.safetensors"], 3, "left alone"),
        (["-o", "missing/new.safetensors"], 3, "does not exist"),
    ],
)
def test_bad_input_is_one_sentence(
    file: Path,
    options: list[str],
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(file.parent)
    write_state("old.safetensors", {"a": torch.ones(2)})
    content = file.read_bytes()
    assert main(["rewrite", "network.pt", *options, "--activation", "relu"]) == code
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert file.read_bytes() == content and not Path("new.safetensors").exists()


def test_unknown_networks_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_state(tmp_path / "odd.safetensors", {"one": torch.ones(2, 3, 4), "two": torch.ones(5)})
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    for name in ("odd.safetensors", "broken.pt", "missing.pt"):
        assert main(["rewrite", str(tmp_path / name), "-o", str(tmp_path / "new.safetensors")]) == 3
        error = capsys.readouterr().err
        assert name in error and error.count("\n") == 1
