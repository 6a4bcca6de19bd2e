from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection

from scalegmn.errors import GraphError
from scalegmn.networks import Activation, Architecture, cnn, siren, topology_of
from scalegmn.reports import new_figure, save_figure
from scalegmn.reports._network_picture import draw_network, draw_weight_key, edge_weights, node_places
from scalegmn.seeding import generator

CNN = cnn(channels=(1, 4, 5), classes=3, activations=[Activation("relu")] * 2)


def parameters(architecture: Architecture) -> torch.Tensor:
    return torch.randn(architecture.num_parameters, generator=generator(0, "picture"))


def test_layers_are_columns() -> None:
    topology = topology_of(siren(widths=(2, 5, 1)))
    places = node_places(topology)
    np.testing.assert_array_equal(places[:, 0], [0, 0, 1, 1, 1, 1, 1, 2])
    assert len(np.unique(places, axis=0)) == len(places)
    for layer in range(3):
        assert places[places[:, 0] == layer, 1].mean() == pytest.approx(0)


def test_an_edge_shows_its_largest_tap() -> None:
    topology = topology_of(CNN)
    theta = parameters(CNN).double().numpy()
    weights = edge_weights(topology, theta)
    taps = np.abs(theta[topology.tap_parameter.numpy()])
    for edge in range(topology.num_edges):
        mine = topology.tap_edge.numpy() == edge
        assert abs(weights[edge]) == taps[mine].max()


@pytest.mark.parametrize("architecture", [siren(widths=(2, 6, 6, 1)), CNN], ids=["siren", "cnn"])
def test_every_neuron_and_edge_is_drawn(architecture: Architecture, tmp_path: Path) -> None:
    figure = new_figure(width=4.0, height=3.0)
    axes = figure.add_subplot()
    draw_network(axes, architecture, parameters(architecture))
    draw_weight_key(axes)
    topology = topology_of(architecture)
    edges = next(c for c in axes.collections if isinstance(c, LineCollection))
    nodes = next(c for c in axes.collections if isinstance(c, PathCollection))
    assert len(edges.get_segments()) == topology.num_edges
    assert len(nodes.get_offsets()) == topology.num_nodes
    assert save_figure(figure, tmp_path / "network.png").stat().st_size > 1000


def test_sign_decides_the_color() -> None:
    architecture = siren(widths=(1, 1, 1))
    theta = torch.zeros(architecture.num_parameters)
    theta[architecture.parameter("seq.0.weight").start] = -2.0
    theta[architecture.parameter("seq.1.weight").start] = 3.0
    axes = new_figure(width=4.0, height=3.0).add_subplot()
    draw_network(axes, architecture, theta, inputs=["t"], outputs=["y"])
    edges = next(c for c in axes.collections if isinstance(c, LineCollection))
    colors = {x[0][0]: color for x, color in zip(edges.get_segments(), edges.get_colors(), strict=True)}
    assert colors[0][0] > colors[0][2], "negative weights are more red than blue"
    assert colors[1][2] > colors[1][0], "positive weights are more blue than red"
    assert {"t", "y"} <= {text.get_text() for text in axes.texts}


def test_all_zero_network_is_drawn(tmp_path: Path) -> None:
    architecture = siren(widths=(2, 3, 1))
    figure = new_figure(width=3.0, height=3.0)
    draw_network(figure.add_subplot(), architecture, torch.zeros(architecture.num_parameters))
    save_figure(figure, tmp_path / "zero.png")


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(GraphError, match=r"shape \(3,\), expected \(1185,\)"):
        draw_network(new_figure(width=1.0, height=1.0).add_subplot(), siren(), torch.zeros(3))


def test_names_must_fit() -> None:
    architecture = siren(widths=(2, 3, 1))
    axes = new_figure(width=1.0, height=1.0).add_subplot()
    with pytest.raises(GraphError, match=r"1 names \['x'\] for 2 inputs"):
        draw_network(axes, architecture, parameters(architecture), inputs=["x"])
