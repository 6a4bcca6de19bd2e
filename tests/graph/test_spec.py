"""Limits of what a metanetwork can read."""

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, Structure, to_graph
from scalegmn.networks import Activation, Architecture, cnn, mlp, siren


def mlp_of(*widths: int) -> Architecture:
    return mlp(widths=widths, activations=[Activation("relu")] * (len(widths) - 2))


def test_smallest_limits() -> None:
    deep, wide = mlp_of(2, 3, 3, 3, 1), mlp_of(5, 4, 7)
    assert GraphSpec.from_architectures([deep, wide]) == GraphSpec(inputs=5, outputs=7, layers=3)
    assert GraphSpec.from_architectures([mlp_of(4, 2)]) == GraphSpec(inputs=4, outputs=2, layers=1)
    assert GraphSpec.from_architectures(iter([siren()])) == GraphSpec(inputs=2, outputs=1, layers=2)
    assert GraphSpec.from_architectures([cnn(activations=[Activation("relu")] * 3)]) == GraphSpec(
        inputs=1, outputs=10, layers=3
    )
    with pytest.raises(GraphError, match="no architecture"):
        GraphSpec.from_architectures([])


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ((3, 4, 1), "3 inputs.*at most 2"),
        ((2, 4, 3), "3 outputs.*at most 1"),
        ((2, 4, 4, 4, 1), "3 hidden layers.*at most 2"),
    ],
)
def test_larger_networks_are_refused(widths: tuple[int, ...], message: str) -> None:
    architecture = mlp_of(*widths)
    graph = to_graph(architecture, torch.zeros(architecture.num_parameters))
    with pytest.raises(GraphError, match=message):
        GraphSpec(inputs=2, outputs=1, layers=2).check(Structure.from_graph(graph))
    GraphSpec.from_architectures([architecture]).check(Structure.from_graph(graph))


def test_smaller_networks_fit() -> None:
    for architecture in (mlp_of(1, 4, 1), mlp_of(2, 1), siren()):
        graph = to_graph(architecture, torch.zeros(architecture.num_parameters))
        GraphSpec(inputs=2, outputs=1, layers=2).check(Structure.from_graph(graph))
