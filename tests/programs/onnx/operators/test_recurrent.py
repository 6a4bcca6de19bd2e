"""Recurrent layers compute what the package onnx computes, or PyTorch where that has no such form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from scalegmn.errors import UnsupportedOperationError
from scalegmn.programs.onnx import load_onnx
from scalegmn.symmetry.discovery import program_symmetries, symmetries
from tests.programs.onnx.graphs import Graph, answers, check_same, drawn

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ORDER = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}
"""Of the gates in a file, by their places in PyTorch."""
LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def layer(operator: str, *, both: bool = False, **attributes: object) -> Graph:
    graph = Graph()
    ways, rows = (2 if both else 1), 4 * GATES[operator]
    x = graph.input("x", (5, 1, 3))
    given = [
        graph.weight("w", (ways, rows, 3)),
        graph.weight("r", (ways, rows, 4)),
        graph.weight("b", (ways, 2 * rows)),
    ]
    direction = {"direction": "bidirectional"} if both else {}
    outputs = 3 if operator == "LSTM" else 2
    graph.output(*graph.node(operator, [x, *given], outputs, hidden_size=4, **direction, **attributes))
    return graph


@pytest.mark.slow
@pytest.mark.parametrize("operator", GATES)
def test_one_direction(operator: str, tmp_path: Path) -> None:
    check_same(layer(operator).save(tmp_path))


@pytest.mark.slow
def test_a_reset_behind_the_matrix(tmp_path: Path) -> None:
    check_same(layer("GRU", linear_before_reset=1).save(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("operator", GATES)
def test_both_directions_and_the_group_are_those_of_pytorch(operator: str, tmp_path: Path) -> None:
    # The evaluator of the package has one direction only.
    network = load_onnx(layer(operator, both=True, linear_before_reset=1).save(tmp_path))
    module = LAYERS[operator](3, 4, bidirectional=True).double()
    rows = 4 * GATES[operator]

    def reordered(value: torch.Tensor) -> torch.Tensor:
        parts = value.chunk(GATES[operator])
        return torch.cat([parts[ORDER[operator].index(place)] for place in range(GATES[operator])])

    with torch.no_grad():
        for way, suffix in enumerate(("", "_reverse")):
            for name, value in (
                ("weight_ih_l0", network.state["w"][way]),
                ("weight_hh_l0", network.state["r"][way]),
                ("bias_ih_l0", network.state["b"][way][:rows]),
                ("bias_hh_l0", network.state["b"][way][rows:]),
            ):
                getattr(module, name + suffix).copy_(reordered(value))
        inputs = drawn(network)
        expected = module(inputs["x"])[0]
    found = answers(network, inputs)[0]
    np.testing.assert_allclose(
        found.transpose(1, 2).flatten(2).numpy(), expected.numpy(), rtol=1e-12, atol=1e-12
    )
    own = symmetries(module, [inputs["x"]]).group
    group = program_symmetries(network.program).group
    assert (group.scales.dimension, group.signs.dimension) == (own.scales.dimension, own.signs.dimension)


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"clip": 1.0}, "has a bound of its gates"),
        ({"layout": 1}, "has layout=1"),
        ({"activations": ["Affine"]}, "has activations"),
    ],
)
def test_other_forms_are_refused(tmp_path: Path, attributes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UnsupportedOperationError, match=sentence):
        load_onnx(layer("RNN", **attributes).save(tmp_path))
