"""A trained network as a picture of its graph: neurons in columns, edges colored by their weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.networks import CONSTANT, Architecture, Topology, topology_of
from scalegmn.reports._figures import DIVERGING, SMALL, TEXT, blank, tidy_bar
from scalegmn.reports._palette import GRAY, INK

# Weights above this fraction of all are drawn in full color, so that a few large ones do not pale the rest.
_FULL: Final = 0.98


def draw_network(
    axes: Axes,
    architecture: Architecture,
    theta: Tensor,
    *,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> None:
    """Draw one network into `axes`, from left to right.

    An edge's color is its weight in proportion to the weights of its layer (for an edge with several
    taps, the one of the largest size), its width and depth the size of it; a neuron's color is its bias.

    Args:
        axes: to draw into; everything in it belongs to the picture.
        architecture: of the network.
        theta: its parameters ``(P,)``.
        inputs: what to write beside each input neuron; nothing by default.
        outputs: what to write beside each output neuron; nothing by default.

    Raises:
        GraphError: the parameters or the names do not fit the architecture.
    """
    if theta.shape != (architecture.num_parameters,):
        raise GraphError(
            f"theta has shape {tuple(theta.shape)}, expected ({architecture.num_parameters},) for "
            f"{architecture.describe()}"
        )
    topology = topology_of(architecture)
    values = theta.detach().cpu().double().numpy()
    places = node_places(topology)
    layers = topology.node_layer.numpy()
    target_layers = layers[topology.target.numpy()]
    weights = relative(edge_weights(topology, values), target_layers)
    biases = relative(node_biases(topology, values), layers)
    draw_edges(axes, topology, places, weights)
    # Neurons shrink where a column is crowded.
    crowd = np.bincount(layers).max()
    axes.scatter(
        places[:, 0],
        places[:, 1],
        s=min(130, 2600 / crowd),
        c=biases,
        cmap=DIVERGING,
        vmin=-1,
        vmax=1,
        edgecolors=INK,
        linewidths=0.9,
        zorder=3,
    )
    write_names(axes, inputs, places[layers == 0], left=True)
    write_names(axes, outputs, places[layers == layers.max()], left=False)
    _write_layers(axes, architecture, places, layers)
    blank(axes)


def draw_weight_key(axes: Axes) -> None:
    """A color bar below `axes` that explains :func:`draw_network` in them."""
    bar = axes.figure.colorbar(
        ScalarMappable(Normalize(-1, 1), DIVERGING),
        ax=axes,
        location="bottom",
        shrink=0.36,
        aspect=28,
        pad=0.02,
        ticks=[-1, 0, 1],
    )
    tidy_bar(bar)
    bar.ax.set_xticklabels(["negative", "0", "positive"])


def node_places(topology: Topology) -> np.ndarray:
    """A place ``(V, 2)`` for every neuron: layers from left to right, each centered on height 0."""
    layers = topology.node_layer.numpy()
    counts = np.bincount(layers)
    places = np.empty((len(layers), 2))
    for layer, count in enumerate(counts.tolist()):
        # Short columns are spread too, so that their edges fan out.
        height = 1.0 if count == counts.max() else (0.15 + 0.75 * (count - 1) / max(1, counts.max() - 1))
        height = max(height, 0.45) if count > 1 else 0.0
        places[layers == layer, 0] = layer
        places[layers == layer, 1] = np.linspace(height / 2, -height / 2, count)
    return places


def edge_weights(topology: Topology, values: np.ndarray) -> np.ndarray:
    """One number per edge ``(E,)``: its weight, or the tap of the largest size; skips have the weight 1."""
    parameters = topology.tap_parameter.numpy()
    taps = np.where(parameters == CONSTANT, 1.0, values[np.maximum(parameters, 0)])
    owner = topology.tap_edge.numpy()
    # Sorted by edge and then by size: the last of each edge is the one to show.
    order = np.lexsort((np.abs(taps), owner))
    last = np.flatnonzero(np.diff(owner[order], append=-1))
    return np.asarray(taps[order[last]])


def node_biases(topology: Topology, values: np.ndarray) -> np.ndarray:
    """One number per neuron ``(V,)``: its bias, 0 where it has none."""
    parameters = topology.bias_parameter.numpy()
    return np.where(parameters == CONSTANT, 0.0, values[np.maximum(parameters, 0)])


def relative(numbers: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Numbers in proportion to those of their layer, cut to [-1, 1]."""
    relative = np.zeros_like(numbers)
    for layer in np.unique(layers):
        mine = layers == layer
        limit = np.quantile(np.abs(numbers[mine]), _FULL)
        relative[mine] = numbers[mine] / (limit or 1.0)
    return np.clip(relative, -1, 1)


def draw_edges(axes: Axes, topology: Topology, places: np.ndarray, weights: np.ndarray) -> None:
    """Lines between neurons at their `places` ``(V, 2)``, by their relative weights ``(E,)``."""
    # The heaviest on top.
    order = np.argsort(np.abs(weights), kind="stable")
    ends = np.stack([places[topology.source.numpy()], places[topology.target.numpy()]], axis=1)
    sizes = np.abs(weights[order])
    colors = DIVERGING(0.5 + 0.5 * np.sign(weights[order]) * (0.25 + 0.75 * sizes))
    colors[:, 3] = 0.06 + 0.9 * sizes**1.3
    axes.add_collection(
        LineCollection(list(ends[order]), colors=colors, linewidths=0.3 + 2.2 * sizes, zorder=1)
    )
    axes.set_xlim(-0.35, places[:, 0].max() + 0.35)
    axes.set_ylim(-0.62, 0.56)


def write_names(axes: Axes, names: Sequence[str], places: np.ndarray, *, left: bool) -> None:
    """Names beside the neurons of the first or the last layer."""
    if not names:
        return
    if len(names) != len(places):
        raise GraphError(
            f"{len(names)} names {list(names)} for {len(places)} {'inputs' if left else 'outputs'}; "
            "expected one each, or none"
        )
    for name, (x, y) in zip(names, places, strict=True):
        shift = -0.06 if left else 0.06
        axes.text(x + shift, y, name, ha="right" if left else "left", va="center", fontsize=TEXT, color=INK)


def _write_layers(axes: Axes, architecture: Architecture, places: np.ndarray, layers: np.ndarray) -> None:
    counts = np.bincount(layers)
    kinds = [activation.kind for activation in architecture.hidden_activations]
    for layer, count in enumerate(counts.tolist()):
        if layer == 0:
            text = f"{count} input{'s' * (count > 1)}"
        elif layer == len(counts) - 1:
            text = f"{count} output{'s' * (count > 1)}"
        else:
            text = f"{count} neurons\n({kinds[layer - 1]})"
        axes.text(layer, -0.56, text, ha="center", va="top", fontsize=SMALL, color=GRAY)
