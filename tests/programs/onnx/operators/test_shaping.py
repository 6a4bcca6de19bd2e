"""Entries that are put elsewhere, and shapes that are computed, are those of the package onnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.errors import ProgramError
from scalegmn.programs.onnx import load_onnx
from tests.programs.onnx.graphs import Graph, check_same


@pytest.mark.slow
def test_other_shapes(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 1, 6, 1)), graph.weight("w", (6, 1))])
    graph.output(graph.node("Reshape", [x, graph.tensor("s", np.array([0, 3, -1]))]))
    graph.output(
        graph.node("Flatten", [x]), graph.node("Flatten", [x], axis=-1), graph.node("Flatten", [x], axis=0)
    )
    graph.output(graph.node("Transpose", [x], perm=[2, 0, 1, 3]), graph.node("Transpose", [x]))
    one = graph.tensor("one", np.array([1, -1]))
    graph.output(
        graph.node("Squeeze", [x]), graph.node("Squeeze", [x, one]), graph.node("Unsqueeze", [x, one])
    )
    graph.output(graph.node("Expand", [x, graph.tensor("wide", np.array([3, 1, 2]))]))
    graph.output(graph.node("Tile", [x, graph.tensor("times", np.array([1, 2, 1, 3]))]))
    graph.output(graph.node("Concat", [x, x], axis=-2), graph.node("Identity", [x]))
    graph.output(*graph.node("Split", [x, graph.tensor("parts", np.array([1, 5]))], 2, axis=2))
    graph.output(*graph.node("Split", [x], 4, axis=2, num_outputs=4))
    graph.output(graph.node("Dropout", [x, graph.tensor("ratio", np.float32(0.5))]))
    network = check_same(graph.save(tmp_path))
    assert set(network.state) == {"w"}


@pytest.mark.slow
def test_parts(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (5, 7)), graph.weight("w", (7,))])

    def ints(*values: int) -> str:
        return graph.tensor(f"i{len(graph.tensors)}", np.array(values))

    graph.output(graph.node("Slice", [x, ints(1), ints(-1)]))
    graph.output(graph.node("Slice", [x, ints(0, 1), ints(9, 6), ints(1, 0), ints(2, 3)]))
    graph.output(graph.node("Slice", [x, ints(-1), ints(-99), ints(1), ints(-1)]))
    graph.output(graph.node("Slice", [x, ints(5), ints(1), ints(1), ints(-2)]))
    graph.output(graph.node("Trilu", [x, ints(1)], upper=1), graph.node("Trilu", [x], upper=0))
    graph.output(graph.node("Pad", [x, ints(1, 0, 0, 2)]))
    graph.output(graph.node("Pad", [x, ints(2, 1), graph.tensor("fill", np.float64(3.0)), ints(1)]))
    graph.output(graph.node("Pad", [x, ints(1, 0, 0, 2)], mode="reflect"))
    graph.output(graph.node("Pad", [x, ints(1, 0, 0, 2)], mode="edge"))
    check_same(graph.save(tmp_path))


@pytest.mark.parametrize("opset", [9, 10])
def test_attributes_of_older_versions(tmp_path: Path, opset: int) -> None:
    graph = Graph(opset=opset)
    x = graph.node("Mul", [graph.input("x", (2, 6)), graph.weight("w", (6,))])
    if opset < 10:
        graph.output(graph.node("Slice", [x], starts=[1], ends=[5], axes=[1]))
    graph.output(graph.node("Clip", [x], min=-0.5, max=0.5), graph.node("Clip", [x], max=0.5))
    graph.output(
        graph.node("Unsqueeze", [x], axes=[0]),
        graph.node("Squeeze", [graph.node("Unsqueeze", [x], axes=[0])], axes=[0]),
    )
    graph.output(*graph.node("Split", [x], 2, axis=1, split=[2, 4]))
    graph.output(graph.node("Pad", [x], pads=[0, 1, 0, 1], value=2.0))
    check_same(graph.save(tmp_path))


def test_sizes_that_are_computed(tmp_path: Path) -> None:
    """What PyTorch's exporter writes for ``x.view(x.size(0), -1, 2)`` and for a range of positions."""
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", ("batch", 6)), graph.weight("w", (6,))])
    shape = graph.node("Shape", [x])
    batch = graph.node("Gather", [shape, graph.tensor("zero", np.array(0))])
    sizes = [graph.node("Unsqueeze", [batch, graph.tensor("axes", np.array([0]))])]
    sizes += [graph.tensor("rest", np.array([-1])), graph.tensor("two", np.array([2]))]
    y = graph.node("Reshape", [x, graph.node("Concat", sizes, axis=0)])
    graph.output(y)
    width = graph.node("Shape", [x], start=1)
    numbers = [
        graph.tensor("from", np.array(0)),
        graph.node("Squeeze", [width]),
        graph.tensor("step", np.array(1)),
    ]
    positions = graph.node("Range", numbers)
    graph.output(graph.node("Gather", [graph.weight("table", (6, 3)), positions]))
    ones = graph.node("ConstantOfShape", [width], value=_numbers([2.0]))
    graph.output(graph.node("Add", [x, ones]), graph.node("Cast", [graph.node("Size", [x])], to=1), positions)
    network = check_same(graph.save(tmp_path))
    operations = {one.operation for one in network.program.instructions}
    assert operations <= {"aten.mul.Tensor", "aten.view.default", "aten.index.Tensor", "aten.add.Tensor"}


def test_constants_of_all_forms(tmp_path: Path) -> None:
    graph = Graph(dtype="float32")
    x = graph.node("Mul", [graph.input("x", (2, 2)), graph.weight("w", (2,))])
    graph.output(graph.node("Add", [x, graph.node("Constant", [], value_float=0.5)]))
    graph.output(graph.node("Add", [x, graph.node("Constant", [], value_floats=[0.5, 1.5])]))
    graph.output(graph.node("Reshape", [x, graph.node("Constant", [], value_ints=[4])]))
    graph.output(graph.node("Unsqueeze", [x, graph.node("Constant", [], value_ints=[0])]))
    network = check_same(graph.save(tmp_path), tolerance=1e-6)
    assert set(network.state) == {"w"}


def test_sizes_that_hang_on_inputs_are_refused(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (4,)), graph.weight("w", (4,))])
    graph.output(graph.node("Reshape", [x, graph.input("shape", (2,), "int64")]))
    with pytest.raises(ProgramError, match=r"node n1 \(Reshape\) takes its input 1 \(shape\).*fixed sizes"):
        load_onnx(graph.save(tmp_path))


def _numbers(values: list[float]) -> object:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values))
