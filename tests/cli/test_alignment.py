"""The commands that bring networks of files to each other, say whether they are the same, and where not."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.checkpoints import read_state
from scalegmn.cli.main import main
from scalegmn.networks import Activation, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.files import save_program
from scalegmn.programs.onnx import load_onnx
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from tests.alignment.networks import drawn
from tests.programs.onnx.networks import NETWORKS

NETWORK = mlp(widths=(3, 6, 5, 2), activations=[Activation("relu")] * 2)
RELU = ("--activation", "relu")


def theta(seed: int = 0) -> Tensor:
    return drawn(NETWORK, seed)


def moved(value: Tensor, seed: int = 0) -> Tensor:
    return random_symmetry(NETWORK, generator=generator(seed), spread=5.0).apply(value)


def save(path: Path, value: Tensor, dtype: torch.dtype = torch.float32) -> str:
    tensors = {f"net.{name}": one.to(dtype).clone() for name, one in NETWORK.unflatten(value).items()}
    torch.save({"epoch": 3, "state": tensors}, path)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    changed = theta()
    changed[NETWORK.parameter("4.weight").start + 6] *= 1.01
    networks = {"first": theta(), "moved": moved(theta()), "changed": moved(changed), "other": theta(1)}
    return {name: save(tmp_path / f"{name}.pt", value) for name, value in networks.items()}


@pytest.mark.slow
def test_the_same_and_not_the_same(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["same", files["first"], files["moved"], *RELU]) == 0
    assert f"{files['moved']}: the same; after alignment" in capsys.readouterr().out
    assert main(["same", files["first"], files["changed"], *RELU]) == 1
    shown = capsys.readouterr().out
    assert "not the same; after alignment parameters differ by up to 9.9e-03 of themselves" in shown
    assert "at net.4.weight[1, 1] of the first" in shown
    assert main(["same", files["first"], files["changed"], *RELU, "--tolerance", "0.1"]) == 0
    assert main(["same", files["first"], files["moved"], *RELU, "--group", "permutations"]) == 1


@pytest.mark.slow
def test_many_are_compared_with_the_first(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "found.json"
    others = [files[name] for name in ("moved", "changed", "other")]
    assert main(["same", files["first"], *others, *RELU, "--json", str(written)]) == 1
    shown = capsys.readouterr().out
    assert "Compared with" in shown and "4.weight[1, 1]" in shown
    found = json.loads(written.read_text())
    assert [one["same"] for one in found["others"]] == [True, False, False] and not found["errors"]
    assert main(["same", files["first"], files["moved"], *RELU, "--json", str(written)]) == 2
    assert "left alone" in capsys.readouterr().err


def test_a_file_that_fails_is_one_sentence(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, wider = tmp_path / "broken.pt", mlp(widths=(3, 7, 5, 2), activations=[Activation("relu")] * 2)
    broken.write_bytes(b"nothing")
    torch.save(wider.unflatten(torch.randn(wider.num_parameters)), tmp_path / "wider.pt")
    bad = theta()
    bad[0] = torch.nan
    save(tmp_path / "nan.pt", bad)
    names = [str(tmp_path / name) for name in ("broken.pt", "wider.pt", "nan.pt")]
    assert main(["same", files["first"], *names, files["moved"], *RELU]) == 3
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 3 and all(name in line for name, line in zip(names, lines, strict=True))
    assert "the first has the parameter 0.weight (6, 3), the second 0.weight (7, 3)" in lines[1]
    assert "moved.pt: the same" in captured.out


def test_the_same_after_rounding(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounded = save(tmp_path / "rounded.pt", moved(theta()), torch.bfloat16)
    assert main(["same", files["first"], rounded, *RELU]) == 0
    assert "the same after rounding" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_is_brought_to_another(
    files: dict[str, str], tmp_path: Path, dtype: torch.dtype, capsys: pytest.CaptureFixture[str]
) -> None:
    other = save(tmp_path / "other.pt", moved(theta()), dtype)
    aligned, differences = tmp_path / "aligned.pt", tmp_path / "differences.json"
    command = ["align", files["first"], other, "-o", str(aligned), *RELU]
    assert main([*command, "--json", str(differences)]) == 0
    shown = capsys.readouterr().out
    assert "the function of" in shown and "stayed" in shown and "after" in shown
    written, first = read_state(aligned), read_state(files["first"])
    assert set(written.original_dtypes.values()) == {dtype} and written.extras["epoch"] == 3
    assert written.names == read_state(other).names
    tolerance = 1e-6 if dtype == torch.float32 else 2**-6
    for name, value in first.tensors.items():
        assert torch.allclose(written.tensors[name], value, rtol=tolerance, atol=0)
    found = json.loads(differences.read_text())
    assert found["distance"] < tolerance < found["distance_before"]
    # Nothing is written over.
    assert main(command) == 3
    assert "left alone" in capsys.readouterr().err
    assert main([*command, "--replace"]) == 0


def test_alignment_to_another_function_keeps_its_own(files: dict[str, str], tmp_path: Path) -> None:
    aligned = tmp_path / "aligned.pt"
    assert main(["align", files["first"], files["other"], "-o", str(aligned), *RELU]) == 0
    assert main(["same", files["other"], str(aligned), *RELU]) == 0


def test_where_networks_differ(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, written = tmp_path / "diff.png", tmp_path / "diff.json"
    command = ["diff", files["first"], files["changed"], *RELU, "--picture", str(picture)]
    assert main([*command, "--json", str(written)]) == 0
    shown = capsys.readouterr().out
    assert "4.weight" in shown and "of 71 numbers differ" in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(written.read_text())
    changed = {one["name"]: one["channels"] for one in found["parameters"] if one["changed"]}
    assert list(changed) == ["net.4.weight"]
    assert changed["net.4.weight"][0] < 1e-6 < 1e-4 < changed["net.4.weight"][1]


@pytest.mark.slow
def test_programs_say_what_files_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)).eval()
    made[1].running_var.uniform_(0.5, 2.0)  # type: ignore[operator, union-attr]
    architecture = ProgramArchitecture.from_module(made, torch.zeros(1, 3))
    save_program(architecture.program, tmp_path / "program.json")
    state = made.state_dict()
    value = architecture.read_state({name: one.double() for name, one in state.items()})
    element = random_symmetry(architecture, generator=generator(0), spread=3.0)
    torch.save(state, tmp_path / "first.pt")
    torch.save(architecture.write_state(element.apply(value), like=state), tmp_path / "moved.pt")
    names = [str(tmp_path / "first.pt"), str(tmp_path / "moved.pt")]
    program = ["--program", str(tmp_path / "program.json")]
    assert main(["same", *names, *program]) == 0
    assert main(["align", *names, "-o", str(tmp_path / "new.pt"), *program]) == 0
    new = torch.load(tmp_path / "new.pt", weights_only=True)
    assert new.keys() == state.keys()
    assert all(torch.allclose(new[name].double(), one.double(), rtol=1e-5) for name, one in state.items())
    capsys.readouterr()
    assert main(["same", *names]) == 3
    assert "--module" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--starts", "0"], 2, "--starts is 0, expected 1 or more"),
        (["--seed", "-1"], 2, "--seed is -1"),
        (["--tolerance", "-1"], 2, "tolerance"),
        (["--examples", "0"], 2, "--examples is 0"),
        (["--group", "none"], 2, "one of all, permutations"),
        (["--example", "1x3"], 2, "--example is for --module"),
        (["--size", "batch"], 2, "--size is 'batch'"),
    ],
)
def test_wrong_options_are_told(
    files: dict[str, str],
    arguments: list[str],
    code: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["same", files["first"], files["moved"], *RELU, *arguments]) == code
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_another_suffix_is_refused_before_any_work(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "aligned.safetensors")
    assert main(["align", files["first"], files["moved"], "-o", output, *RELU]) == 3
    assert "ends with .pt" in capsys.readouterr().err


@pytest.mark.slow
def test_onnx_files_are_aligned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    first = NETWORKS["perceptron"].graph().save(tmp_path)
    moved_file, aligned = tmp_path / "moved.onnx", tmp_path / "aligned.onnx"
    assert main(["symmetries", str(first), "--spread", "0.5", "-o", str(moved_file)]) == 0
    assert main(["same", str(first), str(moved_file)]) == 0
    assert main(["align", str(first), str(moved_file), "-o", str(aligned)]) == 0
    before, after = load_onnx(first).state, load_onnx(aligned).state
    for name, value in before.items():
        assert torch.allclose(value.double(), after[name].double(), rtol=1e-6)
    other = NETWORKS["sine network"].graph().save(tmp_path)
    capsys.readouterr()
    assert main(["same", str(moved_file), str(other)]) == 3
    assert "another architecture" in capsys.readouterr().err
    assert main(["same", str(first), str(moved_file), "--activation", "relu"]) == 2


@pytest.mark.slow
def test_a_class_says_what_files_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    source = """
        from torch import nn

        def net(width=4):
            return nn.Sequential(nn.Linear(3, width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, 2))
    """
    (tmp_path / "classes_of_a_user.py").write_text(textwrap.dedent(source), encoding="utf-8")
    request.addfinalizer(lambda: sys.modules.pop("classes_of_a_user", None))
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 2))
    order = torch.tensor([3, 1, 0, 2, 5, 4])
    state = made.state_dict()
    turned = {name: value[order] if name[0] in "01" else value for name, value in state.items()}
    turned["3.weight"] = state["3.weight"][:, order]
    torch.save(state, tmp_path / "first.pt")
    torch.save(turned, tmp_path / "turned.pt")
    names = [str(tmp_path / "first.pt"), str(tmp_path / "turned.pt")]
    module = ["--module", "classes_of_a_user:net", "--module-path", str(tmp_path), "--example", "1x3"]
    assert main(["same", *names, *module, "--arguments", '{"width": 6}']) == 0
    capsys.readouterr()
    assert main(["same", *names, *module]) == 3
    assert "(6, 3)" in capsys.readouterr().err
