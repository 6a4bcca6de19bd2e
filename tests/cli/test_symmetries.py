"""The command that prints the group of a user's own network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.cli.main import main
from scalegmn.programs.files import load_program
from scalegmn.seeding import generator

SOURCE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.last = nn.Linear(width, 2)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x))).mean((2, 3)))


def number():
    return 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "models_of_a_user.py").write_text(SOURCE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("models_of_a_user", None)


def command(folder: Path, *more: str, module: str = "models_of_a_user:Net") -> list[str]:
    return ["symmetries", "--module", module, "--module-path", str(folder), *more]


@pytest.mark.slow
def test_a_group_is_printed_checked_drawn_and_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, group = folder / "group.png", folder / "group.json"
    arguments = ["--example", "2x3x6x6", "--picture", str(picture), "--json", str(group), "--continuous"]
    assert main(command(folder, *arguments)) == 0
    shown = capsys.readouterr().out
    # Per channel: what the norm reads, its deviation against its gain, what the relu writes; one sign.
    assert shown.startswith("12 scales and 4 signs")
    assert "the function stayed" in shown
    assert "(4 more than the scales) of first.bias, norm.running_mean" in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    written = json.loads(group.read_text())
    assert (written["scales"], written["signs"]) == (12, 4)
    assert sum(family["scales"] for family in written["families"]) == 12


@pytest.mark.slow
def test_a_file_is_moved_and_computes_the_same(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    try:
        from models_of_a_user import Net  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(folder))
    torch.manual_seed(0)
    network = Net(width=5).eval()
    file, moved = folder / "network.pt", folder / "moved.pt"
    torch.save({"state": network.state_dict(), "epoch": 3}, file)
    arguments = [
        "--example",
        "2x3x6x6",
        "--arguments",
        '{"width": 5}',
        "--checkpoint",
        str(file),
        "-o",
        str(moved),
    ]
    assert main(command(folder, *arguments)) == 0
    other = Net(width=5).eval()
    other.load_state_dict(torch.load(moved, weights_only=True)["state"])
    x = torch.randn(4, 3, 6, 6)
    assert torch.allclose(network(x), other(x), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(network.first.weight, other.first.weight, rtol=0.05)


def test_the_current_folder_is_not_imported_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", str(folder), *sys.path])
    assert main(["symmetries", "--module", "models_of_a_user:Net", "--example", "2x3x6x6"]) == 2
    assert "--module-path" in capsys.readouterr().err
    assert "models_of_a_user" not in sys.modules


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--example", "3by3"], "expected sizes with x between them"),
        (["--example", "2x3:complex64"], "dtypes are"),
        (["--example", "99999x99999x9"], "more than"),
        (["--arguments", "width=3", "--example", "2x3x6x6"], "names and values as JSON"),
        (["--arguments", '{"wide": 3}', "--example", "2x3x6x6"], "cannot be made"),
        (["--example", "2x3x6x6", "-o", "moved.pt"], "name that file with --checkpoint"),
    ],
)
def test_wrong_options_are_told(
    folder: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(folder, *arguments)) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "module", ["models_of_a_user:Nothing", "models_of_a_user:number", "no/module", "os:path"]
)
def test_what_is_no_network_is_told(folder: Path, module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(folder, "--example", "2x3", module=module)) == 2
    assert "--module" in capsys.readouterr().err


def test_a_program_and_a_file_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, file, moved = (
        folder / "program.json",
        folder / "network.safetensors",
        folder / "moved.safetensors",
    )
    traced = command(folder, "--example", "2x3x6x6", "-o", str(program))
    assert main(["trace", *traced[1:]]) == 0
    assert "operations" in capsys.readouterr().out
    state = {parameter.name: parameter for parameter in load_program(program).parameters}
    assert "norm.running_deviation" in state
    tensors = {
        "first.weight": (4, 3, 3, 3),
        "first.bias": (4,),
        "norm.weight": (4,),
        "norm.bias": (4,),
        "norm.running_mean": (4,),
        "norm.running_var": (4,),
        "last.weight": (2, 4),
        "last.bias": (2,),
    }
    numbers = generator(0)
    write_state(file, {name: torch.rand(shape, generator=numbers) + 0.1 for name, shape in tensors.items()})
    arguments = ["--program", str(program), "--checkpoint", str(file), "-o", str(moved)]
    assert main(["symmetries", *arguments]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("12 scales and 4 signs") and "the function stayed" in shown
    assert set(read_state(moved).tensors) == set(tensors)


def test_a_program_is_not_mixed_with_a_module(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(folder, "--program", "program.json")) == 2
    assert "leave --module" in capsys.readouterr().err


def test_a_damaged_program_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "program.json").write_text('{"instructions": [', encoding="utf-8")
    assert main(["symmetries", "--program", str(folder / "program.json")]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_trace_replaces_nothing_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = folder / "program.json"
    program.write_text("mine", encoding="utf-8")
    traced = command(folder, "--example", "2x3x6x6", "-o", str(program))
    assert main(["trace", *traced[1:]]) == 2
    assert program.read_text(encoding="utf-8") == "mine"
    assert main(["trace", *traced[1:], "--replace"]) == 0
    assert "operations" in capsys.readouterr().out
