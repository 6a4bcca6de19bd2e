"""The commands that read ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.main import main
from scalegmn.programs.files import load_program
from scalegmn.programs.onnx import load_onnx
from tests.programs.onnx.graphs import Graph, reference
from tests.programs.onnx.networks import NETWORKS


@pytest.fixture(scope="module")
def perceptron(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return NETWORKS["perceptron"].graph().save(tmp_path_factory.mktemp("onnx"))


@pytest.mark.slow
def test_a_group_is_printed_and_checked_and_a_file_moved(
    perceptron: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "moved.onnx"
    arguments = ["--spread", "0.5", "--json", str(tmp_path / "group.json"), "-o", str(moved)]
    assert main(["symmetries", str(perceptron), *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("9 scales and 0 signs")
    assert "the function stayed" in printed.out and str(moved) in printed.err
    x = {"x": np.random.default_rng(0).standard_normal((4, 3))}
    before, after = reference(perceptron, x), reference(moved, x)
    np.testing.assert_allclose(after[0], before[0], rtol=1e-9)
    assert perceptron.read_bytes() != moved.read_bytes()


@pytest.mark.slow
def test_a_program_is_written(perceptron: Path, tmp_path: Path) -> None:
    assert main(["trace", str(perceptron), "-o", str(tmp_path / "program.json")]) == 0
    assert load_program(tmp_path / "program.json") == load_onnx(perceptron).program


@pytest.mark.slow
def test_open_sizes_are_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = Graph()
    graph.output(graph.node("MatMul", [graph.input("x", ("batch", "tokens", 4)), graph.weight("w", (4, 2))]))
    path = graph.save(tmp_path)
    assert main(["symmetries", str(path)]) != 0
    assert "--size tokens=16" in capsys.readouterr().err
    assert main(["symmetries", str(path), "--size", "tokens=3", "--size", "batch=2"]) == 0


@pytest.mark.slow
def test_two_sizes_are_two_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = Graph()
    x = graph.input("x", ("batch", 3, "height", "height"))
    x = graph.node("Relu", [graph.node("Conv", [x, graph.weight("first", (4, 3, 3, 3))], pads=[1, 1, 1, 1])])
    graph.output(graph.node("Conv", [x, graph.weight("last", (2, 4, 1, 1))]))
    command = ["symmetries", str(graph.save(tmp_path)), "--size", "height=1", "--second"]
    assert main([*command, "height=5"]) == 0
    assert capsys.readouterr().out.startswith("4 scales and 0 signs")
    assert main([*command, "height=1"]) != 0
    assert "both examples have the sizes (1, 3, 1, 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "tokens"], "expected a name and a whole number"),
        (["--module", "a:B"], "--module does not go with an ONNX file"),
        (["--example", "1x3"], "--example does not go with an ONNX file"),
        (["--checkpoint", "a.pt"], "--checkpoint does not go with an ONNX file"),
    ],
)
def test_wrong_options_are_told(
    perceptron: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["symmetries", str(perceptron), *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_options_for_files_need_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symmetries", "--module", "a:B", "--size", "tokens=3"]) == 2
    assert "name the file" in capsys.readouterr().err


def test_a_checkpoint_is_no_onnx_file(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("net.pt", "net.SAFETENSORS"):
        assert main(["symmetries", name]) == 2
        assert f"{name} stands in the place of an ONNX file" in (told := capsys.readouterr().err)
        assert "--checkpoint, with --module or --program" in " ".join(told.split())


def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no model")
    assert main(["trace", str(path), "-o", str(tmp_path / "program.json")]) != 0
    assert "this is no ONNX model" in capsys.readouterr().err
    assert not (tmp_path / "program.json").exists()
