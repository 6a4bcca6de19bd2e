"""Convolutions, pooling and other sizes of maps compute what the package onnx computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.programs.onnx import load_onnx
from tests.programs.onnx.graphs import Graph, answers, check_same, drawn


@pytest.mark.slow
def test_convolutions(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", (2, 4, 9, 8))
    w, b, grouped = graph.weight("w", (6, 4, 3, 2)), graph.weight("b", (6,)), graph.weight("g", (6, 2, 3, 3))
    graph.output(graph.node("Conv", [x, w, b]))
    graph.output(graph.node("Conv", [x, w], strides=[2, 1], pads=[1, 0, 1, 0], dilations=[1, 2]))
    # Another width in front than behind.
    graph.output(graph.node("Conv", [x, w, b], pads=[0, 1, 2, 3], kernel_shape=[3, 2]))
    graph.output(graph.node("Conv", [x, grouped], group=2, auto_pad="SAME_UPPER", strides=[2, 2]))
    graph.output(graph.node("Conv", [x, grouped], group=2, auto_pad="VALID"))
    row = graph.input("row", (1, 3, 7))
    graph.output(graph.node("Conv", [row, graph.weight("w1", (2, 3, 3))], pads=[1, 1]))
    cube = graph.input("cube", (1, 2, 4, 4, 4))
    graph.output(graph.node("Conv", [cube, graph.weight("w3", (2, 2, 2, 2, 2))]))
    check_same(graph.save(tmp_path))


def test_transposed_convolutions(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.input("x", (2, 4, 5, 4))
    w, b = graph.weight("w", (4, 3, 3, 3)), graph.weight("b", (3,))
    graph.output(graph.node("ConvTranspose", [x, w, b]))
    graph.output(
        graph.node("ConvTranspose", [x, w], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0])
    )
    graph.output(graph.node("ConvTranspose", [x, w, b], strides=[2, 3], pads=[0, 1, 2, 1]))
    check_same(graph.save(tmp_path))


def test_a_transposed_convolution_of_a_given_size(tmp_path: Path) -> None:
    # As the text says; the evaluator of the package cannot compute it.
    graph = Graph()
    x, w = graph.input("x", (1, 2, 5, 4)), graph.weight("w", (2, 3, 3, 3))
    whole = graph.node("ConvTranspose", [x, w], strides=[2, 2])
    graph.output(whole, graph.node("ConvTranspose", [x, w], strides=[2, 2], output_shape=[10, 8]))
    graph.output(graph.node("ConvTranspose", [x, w], strides=[2, 2], auto_pad="SAME_UPPER"))
    network = load_onnx(graph.save(tmp_path))
    full, given, upper = answers(network, drawn(network))
    assert full.shape == (1, 3, 11, 9)
    np.testing.assert_allclose(given.numpy(), full[:, :, 1:, 1:].numpy())
    np.testing.assert_allclose(upper.numpy(), full[:, :, :-1, :-1].numpy())


def test_groups_of_a_transposed_convolution(tmp_path: Path) -> None:
    # The evaluator of the package has them for one channel only: here, they are two convolutions.
    graph = Graph()
    x, w = graph.input("x", (1, 4, 5, 4)), graph.weight("w", (4, 3, 3, 2))
    graph.output(graph.node("ConvTranspose", [x, w], group=2, dilations=[2, 1], strides=[1, 2]))
    halves = zip(graph.node("Split", [x], 2, axis=1), graph.node("Split", [w], 2, axis=0), strict=True)
    parts = [graph.node("ConvTranspose", [one, v], dilations=[2, 1], strides=[1, 2]) for one, v in halves]
    graph.output(graph.node("Concat", parts, axis=1))
    network = load_onnx(graph.save(tmp_path))
    whole, joined = answers(network, drawn(network))
    assert whole.shape == (1, 6, 9, 8)
    np.testing.assert_allclose(whole.numpy(), joined.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_pooling(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 3, 9, 8)), graph.weight("w", (3, 1, 1))])
    graph.output(graph.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2]))
    graph.output(graph.node("MaxPool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1]))
    graph.output(graph.node("MaxPool", [x], kernel_shape=[2, 3], pads=[1, 0, 0, 2], dilations=[2, 1]))
    graph.output(graph.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1))
    graph.output(graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2]))
    graph.output(graph.node("AveragePool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    graph.output(graph.node("AveragePool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
    graph.output(graph.node("AveragePool", [x], kernel_shape=[2, 3], pads=[1, 0, 0, 2]))
    graph.output(graph.node("AveragePool", [x], kernel_shape=[2, 3], pads=[1, 0, 0, 2], count_include_pad=1))
    graph.output(graph.node("GlobalAveragePool", [x]), graph.node("GlobalMaxPool", [x]))
    row = graph.node("Mul", [graph.input("row", (1, 3, 8)), graph.weight("w1", (3, 1))])
    graph.output(graph.node("MaxPool", [row], kernel_shape=[3], strides=[2]))
    graph.output(graph.node("AveragePool", [row], kernel_shape=[2]))
    check_same(graph.save(tmp_path))


@pytest.mark.parametrize("way", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
def test_other_sizes(tmp_path: Path, way: str) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (1, 2, 5)), graph.weight("w", (2, 1))])
    sizes = graph.tensor("sizes", np.array([1, 2, 7]))
    scales = graph.tensor("scales", np.array([1.0, 1.0, 3.0], dtype="float32"))
    for mode in ("nearest", "linear"):
        given = {"mode": mode, "coordinate_transformation_mode": way}
        graph.output(graph.node("Resize", [x, "", "", sizes], **given))
        graph.output(graph.node("Resize", [x, "", scales], **given))
    floor = {"nearest_mode": "floor", "coordinate_transformation_mode": way}
    graph.output(graph.node("Resize", [x, "", scales], mode="nearest", **floor))
    network = check_same(graph.save(tmp_path), tolerance=1e-6 if way == "align_corners" else 1e-12)
    assert set(network.state) == {"w"}


def test_a_map_twice_as_large(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (1, 2, 3, 2)), graph.weight("w", (2, 1, 1))])
    scales = graph.tensor("scales", np.array([1.0, 1.0, 2.0, 2.0], dtype="float32"))
    graph.output(
        graph.node("Resize", [x, "", scales], mode="nearest"),
        graph.node("Resize", [x, "", scales], mode="linear"),
    )
    check_same(graph.save(tmp_path))


def test_pixels_and_channels(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (1, 8, 4, 6)), graph.weight("w", (8, 1, 1))])
    graph.output(graph.node("DepthToSpace", [x], blocksize=2), graph.node("SpaceToDepth", [x], blocksize=2))
    graph.output(graph.node("DepthToSpace", [x], blocksize=2, mode="CRD"))
    check_same(graph.save(tmp_path))
