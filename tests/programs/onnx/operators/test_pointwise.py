"""Functions of one number compute what the package onnx computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.programs.onnx import load_onnx
from tests.programs.onnx.graphs import Graph, answers, check_same, drawn

PLAIN = (
    *("Abs", "Asinh", "Atan", "Ceil", "Cos", "Cosh", "Exp", "Floor", "IsNaN", "Mish", "Neg"),
    *("Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tan", "Tanh"),
)


def test_functions(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 30)), graph.weight("w", (30,))])
    for operator in PLAIN:
        graph.output(graph.node(operator, [x]))
    positive = graph.node("Abs", [x])
    small = graph.node("Sin", [x])
    for operator in ("Log", "Sqrt"):
        graph.output(graph.node(operator, [positive]))
    for operator in ("Acos", "Asin", "Atanh"):
        graph.output(graph.node(operator, [small]))
    check_same(graph.save(tmp_path))


def test_functions_that_the_evaluator_has_in_single_precision(tmp_path: Path) -> None:
    graph = Graph(dtype="float32")
    x = graph.node("Mul", [graph.input("x", (2, 30)), graph.weight("w", (30,))])
    graph.output(graph.node("Erf", [x]), graph.node("HardSwish", [x]), graph.node("HardSigmoid", [x]))
    graph.output(graph.node("Gelu", [x]), graph.node("Gelu", [x], approximate="tanh"))
    check_same(graph.save(tmp_path), tolerance=2e-6)


def test_functions_with_numbers_of_their_own(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 30)), graph.weight("w", (30,))])
    graph.output(graph.node("LeakyRelu", [x], alpha=0.25), graph.node("LeakyRelu", [x]))
    graph.output(graph.node("Elu", [x], alpha=0.5), graph.node("Celu", [x], alpha=0.5))
    graph.output(graph.node("Selu", [x]), graph.node("Selu", [x], alpha=0.5, gamma=2.0))
    graph.output(graph.node("HardSigmoid", [x], alpha=0.25, beta=0.5))
    graph.output(
        graph.node("ThresholdedRelu", [x], alpha=0.5), graph.node("Shrink", [x], lambd=0.5, bias=0.25)
    )
    graph.output(graph.node("PRelu", [x, graph.weight("slope", (30,))]))
    low, high = graph.tensor("low", np.float64(-0.5)), graph.tensor("high", np.float64(1.0))
    graph.output(
        graph.node("Clip", [x, low, high]), graph.node("Clip", [x, low]), graph.node("Clip", [x, "", high])
    )
    network = check_same(graph.save(tmp_path), tolerance=1e-7)
    # Bounds are numbers of the code; the slope is a parameter.
    assert set(network.state) == {"w", "slope"}


def test_softmax(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 3, 4)), graph.weight("w", (4,))])
    graph.output(graph.node("Softmax", [x]), graph.node("Softmax", [x], axis=1))
    graph.output(graph.node("LogSoftmax", [x], axis=2))
    check_same(graph.save(tmp_path))


def test_softmax_of_older_versions_takes_all_later_axes_together(tmp_path: Path) -> None:
    # As the text of version 11 says; the evaluator of the package has the newer form only.
    graph = Graph(opset=11)
    x = graph.node("Mul", [graph.input("x", (2, 3, 4)), graph.weight("w", (4,))])
    graph.output(graph.node("Softmax", [x]), graph.node("Softmax", [x], axis=2), x)
    network = load_onnx(graph.save(tmp_path))
    together, last, x_value = answers(network, drawn(network))
    np.testing.assert_allclose(together.sum(dim=(1, 2)).numpy(), 1.0)
    np.testing.assert_allclose(together.numpy(), x_value.flatten(1).softmax(1).reshape(2, 3, 4).numpy())
    np.testing.assert_allclose(last.numpy(), x_value.softmax(2).numpy())
