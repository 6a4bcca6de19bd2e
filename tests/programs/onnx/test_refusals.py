"""Files that hang together no more, or that no program says: one sentence each, in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.programs.onnx import load_onnx
from scalegmn.programs.onnx.operators import ONNX_OPERATORS, OnnxCall, OnnxOperator

from .graphs import Graph, check_same

Change = Callable[[Graph, str], object]


def written(folder: Path, change: Change, *, opset: int = 21, shape: tuple[object, ...] = (2, 4)) -> Path:
    """A product with a weight, and what a case makes of it."""
    graph = Graph(opset=opset)
    x = graph.node("Mul", [graph.input("x", shape), graph.weight("w", (4,))])  # type: ignore[arg-type]
    graph.output(x)
    change(graph, x)
    return graph.save(folder)


def _cycle(graph: Graph, x: str) -> None:
    graph.node("Add", [x, "v2_0"])
    graph.node("Add", [x, "v1_0"])


def _unsorted(graph: Graph, x: str) -> None:
    graph.node("Relu", ["v2_0"])
    graph.node("Relu", [x])


def _twice(graph: Graph, x: str) -> None:
    graph.node("Relu", [x])
    graph.nodes[-1].output[0] = x


def _bomb(graph: Graph, x: str) -> None:
    size = graph.tensor("size", np.array([2**20, 2**20]))
    graph.output(graph.node("ConstantOfShape", [size]))


def _expanded(graph: Graph, x: str) -> None:
    """Each step doubles it: few bytes of a file, and more numbers than there is memory."""
    for _ in range(60):
        x = graph.node("Concat", [x, x], axis=0)


def _constants(graph: Graph, x: str) -> None:
    y = graph.tensor("one", np.array([1]))
    for _ in range(60):
        y = graph.node("Concat", [y, y], axis=0)


CASES: dict[str, tuple[Change, str]] = {
    "a circle": (_cycle, r"node n1 \(Add\) reads v2_0, which is written later"),
    "out of order": (_unsorted, r"node n1 \(Relu\) reads v2_0, which is written later"),
    "nobody writes it": (lambda g, x: g.node("Relu", ["lost"]), "reads lost, which nothing writes"),
    "no such output": (lambda g, x: g.output("lost"), "the output lost is written by no node"),
    "written twice": (_twice, "the value v0_0 is given or written twice"),
    "as an input": (
        lambda g, x: g.input("w", (4,)) and g.input("x", (1,)),
        "the input x is given twice",
    ),
    "unknown": (
        lambda g, x: g.node("Hardmax", [x]),
        r"node n1 \(Hardmax\) uses an operator of which nothing",
    ),
    "no input": (lambda g, x: g.node("Relu", []), r"node n1 \(Relu\) lacks its input 0"),
    "an input left out": (lambda g, x: g.node("MatMul", [x, ""]), r"node n1 \(MatMul\) lacks its input 1"),
    "wrong sizes": (lambda g, x: g.node("MatMul", [x, x]), r"node n1 \(MatMul\) does not take its inputs"),
    "no axis": (
        lambda g, x: g.node("Softmax", [x], axis=7),
        r"node n1 \(Softmax\) has the axis 7 of a value of 2",
    ),
    "another kind of attribute": (
        lambda g, x: g.node("Softmax", [x], axis=0.5),
        r"node n1 \(Softmax\) has the attribute axis as float, expected int",
    ),
    "a mode": (
        lambda g, x: g.node("Gelu", [x], approximate="sometimes"),
        r"has approximate='sometimes', of which nothing is known, expected 'none' or 'tanh'",
    ),
    "training": (
        lambda g, x: g.node("BatchNormalization", [x] * 5, training_mode=1),
        "is in training mode",
    ),
    "no widths": (lambda g, x: g.node("MaxPool", [x], kernel_shape=[0]), "sizes from 1"),
    "a kind that is none": (lambda g, x: g.node("Cast", [x], to=8), "casts to the kind 8 of ONNX"),
    "a large constant": (_bomb, r"node n1 \(ConstantOfShape\) makes 1,099,511,627,776 numbers"),
    "a large constant step by step": (_constants, r"\(Concat\) makes 134,217,728 numbers"),
    "a large value step by step": (_expanded, r"\(Concat\) makes 4,294,967,296 numbers"),
    "NaN": (
        lambda g, x: g.output(g.node("Add", [x, g.tensor("b", np.full(4, np.nan))])),
        "tensor b holds NaN",
    ),
    "infinite weights": (
        lambda g, x: g.node("MatMul", [x, g.tensor("b", np.full((4, 2), np.inf))]),
        "the weights b hold infinite numbers",
    ),
    "a path as a name": (
        lambda g, x: g.node("Relu", ["\x1b[2J\n../../etc"]),
        r"reads \\x1b\[2J\\n../../etc, which",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_sentence_for_each(tmp_path: Path, name: str) -> None:
    change, sentence = CASES[name]
    path = written(tmp_path, change)
    with pytest.raises(ProgramError, match=sentence) as caught:
        load_onnx(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and "expected" in message


def test_a_network_without_weights_is_none(tmp_path: Path) -> None:
    graph = Graph()
    graph.output(graph.node("Relu", [graph.input("x", (1, 2))]))
    with pytest.raises(ProgramError, match="has 0 tensors of weights and 1 inputs"):
        load_onnx(graph.save(tmp_path))


@pytest.mark.slow
def test_open_sizes_are_asked_for(tmp_path: Path) -> None:
    def nothing(graph: Graph, x: str) -> None:
        pass

    path = written(tmp_path, nothing, shape=("sequence", 4))
    with pytest.raises(ProgramError, match=r"axis 0 of any size, called sequence.*--size sequence=16"):
        load_onnx(path)
    assert load_onnx(path, sizes={"sequence": 3}).program.inputs[0].type.shape == (3, 4)
    with pytest.raises(ProgramError, match="no input has an axis called length, expected one of sequence"):
        load_onnx(path, sizes={"sequence": 3, "length": 3})
    with pytest.raises(ProgramError, match="expected a whole number from 1"):
        load_onnx(path, sizes={"sequence": 0})
    # A batch needs no size, whatever it is called; other axes without a name do.
    for name in ("N", "batch_size", None, "unk__12"):
        found = load_onnx(written(tmp_path, nothing, shape=(name, 4)))
        assert found.program.inputs[0].type.shape == (1, 4)
    path = written(tmp_path, nothing, shape=("N", None, 4))
    with pytest.raises(ProgramError, match=r"called x\[1\].*--size x\[1\]=16"):
        load_onnx(path)
    assert load_onnx(path, sizes={"x[1]": 5, "N": 2}).program.inputs[0].type.shape == (2, 5, 4)
    with pytest.raises(ProgramError, match="more than 100,000,000 numbers"):
        load_onnx(path, sizes={"x[1]": 2**40})


def test_masks_and_numbers_of_the_code_are_no_parameters(tmp_path: Path) -> None:
    def change(graph: Graph, x: str) -> None:
        mask = graph.tensor("mask", np.array([0.0, 0.0, -np.inf, -np.inf]))
        scores = graph.node("Add", [graph.node("Div", [x, graph.tensor("root", np.array([2.0]))]), mask])
        y = graph.node("Mul", [graph.node("Softmax", [scores]), graph.tensor("layer.scale", np.array([3.0]))])
        graph.output(graph.node("Add", [y, graph.tensor("shift", np.array([1.0, 2.0, 3.0, 4.0]))]))
        graph.tensor("nobody.reads", np.ones(4))

    network = check_same(written(tmp_path, change))
    assert list(network.state) == ["w", "layer.scale", "shift"]


def test_an_operator_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ONNX_OPERATORS, "_entries", dict(ONNX_OPERATORS._entries))

    def twice(call: OnnxCall) -> object:
        return call.tensor() * 2.0

    path = written(tmp_path, lambda g, x: g.output(g.node("Twice", [x])))
    with pytest.raises(UnsupportedOperationError, match=r"\(Twice\).*ONNX_OPERATORS.register"):
        load_onnx(path)
    ONNX_OPERATORS.register("Twice", OnnxOperator(name="Twice", compute=twice))  # type: ignore[arg-type]
    operations = [one.operation for one in load_onnx(path).program.instructions]
    assert operations == ["aten.mul.Tensor", "aten.mul.Tensor"]
