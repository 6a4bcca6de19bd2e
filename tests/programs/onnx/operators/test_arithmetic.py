"""Sums, products, comparisons, reductions and matrix products compute what the package onnx computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.programs.onnx.graphs import Graph, check_same


@pytest.mark.slow
def test_two_values(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 3, 4)), graph.weight("w", (4,))])
    y = graph.node("Mul", [graph.input("y", (3, 1)), graph.weight("v", (3, 1))])
    for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"):
        extra = {"fmod": 1} if operator == "Mod" else {}
        graph.output(graph.node(operator, [x, y], **extra))
    for operator in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        graph.output(graph.node(operator, [x, y]))
    graph.output(graph.node("Sum", [x, y, x]), graph.node("Mean", [x, y]), graph.node("Max", [x, y, x]))
    graph.output(graph.node("Pow", [graph.node("Abs", [x]), y]))
    check_same(graph.save(tmp_path))


@pytest.mark.slow
def test_numbers_of_the_code(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 3, 4)), graph.weight("w", (4,))])
    two, half, none = (graph.tensor(n, np.float64(v)) for n, v in (("two", 2), ("half", 0.5), ("none", 0)))
    graph.output(graph.node("Pow", [x, two]), graph.node("Pow", [graph.node("Abs", [x]), half]))
    graph.output(graph.node("Div", [x, two]), graph.node("Sub", [two, x]), graph.node("Div", [two, x]))
    graph.output(graph.node("Max", [x, none]), graph.node("Min", [none, x]))
    wide = graph.tensor("wide", np.full((1, 1, 1, 1), 3.0))
    # It has more axes than what it is added to.
    graph.output(graph.node("Add", [x, wide]))
    below = graph.node("Less", [x, none])
    graph.output(graph.node("Where", [below, none, x]), graph.node("Where", [below, x, two]))
    graph.output(graph.node("Where", [below, none, two]))
    graph.output(graph.node("And", [below, graph.node("Not", [below])]), graph.node("IsInf", [x]))
    network = check_same(graph.save(tmp_path))
    assert set(network.state) == {"w"}


def test_integers_are_divided_without_remainder(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (6,)), graph.weight("w", (6,))])
    seven, minus, two = (graph.tensor(n, np.array([v])) for n, v in (("seven", 7), ("minus", -7), ("two", 2)))
    three = graph.node("Div", [seven, two])
    # Toward 0, and the remainder has the sign of the divisor.
    graph.output(graph.node("Div", [minus, two]), graph.node("Mod", [minus, two]))
    graph.output(graph.node("Reshape", [x, graph.node("Concat", [two, three], axis=0)]))
    check_same(graph.save(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("opset", [11, 21])
def test_reductions(tmp_path: Path, opset: int) -> None:
    graph = Graph(opset=opset)
    x = graph.node("Mul", [graph.input("x", (2, 3, 4)), graph.weight("w", (4,))])
    positive = graph.node("Exp", [x])
    axes = graph.tensor("axes", np.array([0, 2]))
    names = ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
    for name in names:
        if opset < 13:
            graph.output(graph.node(f"Reduce{name}", [positive], axes=[0, -1], keepdims=0))
        else:
            graph.output(graph.node(f"Reduce{name}", [positive, axes], keepdims=0))
        graph.output(graph.node(f"Reduce{name}", [positive]))
    check_same(graph.save(tmp_path), tolerance=1e-11)


@pytest.mark.slow
def test_matrix_products(tmp_path: Path) -> None:
    graph = Graph()
    x, y = graph.input("x", (3, 4)), graph.input("y", (2, 3, 4))
    w, t, c = graph.weight("w", (4, 5)), graph.weight("t", (5, 4)), graph.weight("c", (3, 1))
    graph.output(graph.node("Gemm", [x, w], alpha=0.5), graph.node("Gemm", [x, t, c], transB=1, beta=2.0))
    graph.output(graph.node("Gemm", [w, x], transA=1, transB=1))
    graph.output(graph.node("MatMul", [x, w]), graph.node("MatMul", [y, w]))
    other = graph.node("Transpose", [y], perm=[0, 2, 1])
    graph.output(graph.node("MatMul", [y, other]), graph.node("MatMul", [graph.weight("row", (4,)), other]))
    graph.output(graph.node("Einsum", [y, w], equation="bij,jk->bik"))
    check_same(graph.save(tmp_path))


@pytest.mark.slow
def test_chosen_entries(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.node("Mul", [graph.input("x", (2, 5, 4)), graph.weight("w", (4,))])
    numbers = graph.input("numbers", (2, 3), "int64")
    table = graph.weight("table", (2, 6))
    graph.output(graph.node("Gather", [table, numbers]), graph.node("Gather", [x, numbers], axis=1))
    graph.output(graph.node("Gather", [x, graph.tensor("last", np.array(-1))], axis=2))
    graph.output(graph.node("Gather", [x, graph.tensor("some", np.array([[0, -1], [2, 2]]))], axis=1))
    entries = graph.tensor("entries", np.array([[[0, 1, -1, 2]], [[3, 0, 0, 1]]]))
    graph.output(graph.node("GatherElements", [x, entries], axis=1))
    graph.output(graph.node("GatherND", [x, graph.tensor("places", np.array([[0, 1], [1, 2]]))]))
    graph.output(graph.node("ArgMax", [x], axis=1), graph.node("ArgMin", [x], axis=2, keepdims=0))
    graph.output(*graph.node("TopK", [x, graph.tensor("k", np.array([2]))], 2, axis=1))
    graph.output(graph.node("CumSum", [x, graph.tensor("axis", np.array(1))]))
    hot = [numbers, graph.tensor("depth", np.array(4)), graph.tensor("values", np.array([-1.0, 2.0]))]
    graph.output(graph.node("OneHot", hot))
    network = check_same(graph.save(tmp_path))
    assert set(network.state) == {"w", "table"}
