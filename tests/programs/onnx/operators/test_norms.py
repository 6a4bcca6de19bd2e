"""Norms compute what the package onnx computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from scalegmn.programs.foldings import Deviation
from scalegmn.programs.onnx import load_onnx
from tests.programs.onnx.graphs import Graph, answers, check_same, drawn


def test_batch_norm_has_a_deviation(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", (2, 4, 3, 3))
    statistics = [graph.weight("bn.running_mean", (4,)), graph.weight("bn.running_var", (4,), positive=True)]
    given = [graph.weight("bn.weight", (4,)), graph.weight("bn.bias", (4,))]
    graph.output(graph.node("BatchNormalization", [x, *given, *statistics], epsilon=1e-3))
    network = check_same(graph.save(tmp_path), tolerance=1e-9)
    (folding,) = network.program.foldings
    assert isinstance(folding, Deviation)
    assert (folding.variance, folding.gain) == ("bn.running_var", "bn.weight")
    buffers = {one.name for one in network.program.parameters if one.buffer}
    assert buffers == {"bn.running_mean", "bn.running_deviation"}


def test_norms_of_one_example(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", (2, 4, 3, 5))
    channels = [graph.weight("gain", (4,)), graph.weight("bias", (4,))]
    last = [graph.weight("gain_5", (5,)), graph.weight("bias_5", (5,))]
    graph.output(graph.node("InstanceNormalization", [x, *channels], epsilon=1e-3))
    graph.output(graph.node("GroupNormalization", [x, *channels], num_groups=2, epsilon=1e-3))
    graph.output(graph.node("LayerNormalization", [x, *last], axis=-1, epsilon=1e-3))
    graph.output(graph.node("LayerNormalization", [x, last[0]], axis=2))
    graph.output(graph.node("LpNormalization", [graph.node("Mul", [x, last[0]])], axis=1, p=2))
    check_same(graph.save(tmp_path), tolerance=1e-6)


@pytest.mark.parametrize("opset", [18])
def test_group_norm_of_version_18_has_a_gain_for_each_group(tmp_path: Path, opset: int) -> None:
    graph = Graph(opset=opset)
    x = graph.input("x", (2, 4, 3, 3))
    given = [graph.weight("gain", (2,)), graph.weight("bias", (2,))]
    graph.output(graph.node("GroupNormalization", [x, *given], num_groups=2))
    check_same(graph.save(tmp_path), tolerance=1e-6)


def test_root_mean_square(tmp_path: Path) -> None:
    graph = Graph(opset=23, dtype="float32")
    x = graph.input("x", (2, 3, 6))
    graph.output(graph.node("RMSNormalization", [x, graph.weight("gain", (6,))], axis=-1))
    check_same(graph.save(tmp_path), tolerance=1e-5)


def test_local_response(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (1, 6, 3, 3)), graph.weight("w", (6, 1, 1))])
    graph.output(graph.node("LRN", [x], size=3, alpha=0.5, beta=0.75, bias=2.0), x)
    network = load_onnx(graph.save(tmp_path))
    found, given = (value.numpy() for value in answers(network, drawn(network)))
    # As the text says; the evaluator of the package leaves out the last channel of each region.
    squares = np.pad(given**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    region = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    np.testing.assert_allclose(found, given / (2.0 + 0.5 / 3 * region) ** 0.75, rtol=1e-12)


@pytest.mark.slow
def test_a_gain_that_is_a_constant_is_a_parameter(tmp_path: Path) -> None:
    # Some exporters write weights as nodes.
    graph = Graph()
    x = graph.input("x", (2, 6))
    gain = graph.node("Constant", [], value=_tensor(np.linspace(1.0, 2.0, 6)))
    graph.output(graph.node("LayerNormalization", [x, gain], axis=-1))
    network = check_same(graph.save(tmp_path), tolerance=1e-6)
    assert list(network.state) == [gain]


def test_a_gain_of_ones_where_the_network_has_none_is_no_parameter(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 4, 3)), graph.weight("w", (4, 1))])
    ones, zeros = (graph.node("Constant", [], value=_tensor(np.full(4, fill))) for fill in (1.0, 0.0))
    graph.output(graph.node("InstanceNormalization", [x, ones, zeros]))
    network = check_same(graph.save(tmp_path), tolerance=1e-6)
    assert list(network.state) == ["w"]


def _tensor(value: np.ndarray) -> object:
    return numpy_helper.from_array(value)


def test_a_table_that_is_computed_from_constants_is_none(tmp_path: Path) -> None:
    # Rotary angles: positions times frequencies.
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (4, 3)), graph.weight("w", (3,))])
    positions = graph.node("Constant", [], value=_tensor(np.arange(4.0).reshape(4, 1)))
    frequencies = graph.node("Constant", [], value=_tensor(np.array([[1.0, 0.5, 0.25]])))
    angles = graph.node("MatMul", [positions, frequencies])
    graph.output(graph.node("Mul", [x, graph.node("Cos", [angles])]))
    network = check_same(graph.save(tmp_path))
    assert list(network.state) == ["w"]
