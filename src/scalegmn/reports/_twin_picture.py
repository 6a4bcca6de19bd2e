"""A network beside its twin: other weights, the same function, and the symmetry between the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture, Topology, run, topology_of
from scalegmn.symmetry import Element, SymmetryAction

from ._figures import DIVERGING, SMALL, TEXT, TITLE, blank, new_figure, tidy
from ._network_picture import draw_edges, edge_weights, node_biases, node_places, relative
from ._palette import COLORS, GRAY, INK, SKY

_MOST_NEURONS: Final = 12
_MOST_LAYERS: Final = 5
_POINTS: Final = 201
_SIDE: Final = 48
# Of the line on which the dashed one of the twin lies.
_BELOW: Final = 6


class TwinPictureError(ScaleGMNError, ValueError):
    """The network is too large to be drawn, or its inputs are no coordinates."""


@final
@dataclass(frozen=True, eq=False)
class DrawnNetwork:
    """A network whose neurons have a place in the picture and keep who they are.

    Attributes:
        topology: of the architecture.
        theta: parameters ``(P,)`` float64.
        names: number of each neuron within its layer before anything was moved, ``(V,)``.
        places: of the neurons ``(V, 2)``.
    """

    topology: Topology
    theta: Tensor
    names: np.ndarray
    places: np.ndarray


def draw_symmetric_twin(
    architecture: Architecture, theta: Tensor, element: Element, *, span: float = 1.0, title: str = ""
) -> Figure:
    r"""The network, the symmetry, the twin, and below what both compute.

    Neuron i of a hidden layer has its number and a ring of its own color in all parts, wherever it moves.  An
    edge has the color of its weight, the inside of a neuron that of its bias, both in proportion to those of
    their layer.  In the middle a line leads from the old place of a neuron to its new one, with the factor
    :math:`q_i` of what enters it, and the shift of its bias in half periods :math:`\pi / \omega`.

    Args:
        architecture: at most five layers of at most twelve neurons, with one input or two.
        theta: parameters ``(P,)``.
        element: of the group of the architecture, such as :meth:`scalegmn.SymmetryAction.draw` gives.
        span: inputs go from ``-span`` to ``span``.
        title: above the picture.

    Raises:
        TwinPictureError: the network is too large, or has more than two inputs.
        SymmetryError: the element is none of the architecture.
    """
    action = SymmetryAction(architecture)
    first, second = twins_of(action, theta, element)
    figure = new_figure(width=10.5, height=6.6)
    figure.suptitle(title, fontsize=TITLE, color=INK)
    top, bottom = figure.subfigures(2, 1, height_ratios=[4.2, 2.4], squeeze=False)[:, 0]
    left, middle, right = top.subplots(1, 3, width_ratios=[3, 3, 3])
    for axes, network, name in ((left, first, "a network"), (right, second, "its twin")):
        draw_neurons(axes, network)
        axes.set_title(name, fontsize=TITLE, color=INK)
    draw_element(middle, action, element)
    middle.set_title("the symmetry", fontsize=TITLE, color=INK)
    draw_functions(bottom, architecture, torch.stack([first.theta, second.theta]), span=span)
    return figure


def twins_of(action: SymmetryAction, theta: Tensor, element: Element) -> tuple[DrawnNetwork, DrawnNetwork]:
    """The network and what the element makes of it, ready to be drawn.

    Raises:
        TwinPictureError, SymmetryError: as :func:`draw_symmetric_twin`.
    """
    topology = topology_of(action.architecture)
    counts = torch.bincount(topology.node_layer)
    if int(counts.max()) > _MOST_NEURONS or len(counts) > _MOST_LAYERS or int(counts[0]) > 2:
        raise TwinPictureError(
            f"{action.architecture.describe()} has layers of {counts.tolist()} neurons, expected at most "
            f"{_MOST_LAYERS} layers of at most {_MOST_NEURONS} neurons, and one input or two; draw a smaller "
            "network"
        )
    moved = action.apply(theta.detach().cpu().double(), element)
    names = topology.node_position.numpy()
    renamed = names.copy()
    renamed[element.permutation.numpy()] = names
    places = node_places(topology)
    return (
        DrawnNetwork(topology, theta.detach().cpu().double(), names, places),
        DrawnNetwork(topology, moved, renamed, places),
    )


def draw_neurons(axes: Axes, network: DrawnNetwork) -> None:
    """Edges by their weights, neurons by their biases, with rings by who they are."""
    topology, values = network.topology, network.theta.numpy()
    layers = topology.node_layer.numpy()
    weights = relative(edge_weights(topology, values), layers[topology.target.numpy()])
    biases = relative(node_biases(topology, values), layers)
    draw_edges(axes, topology, network.places, weights)
    hidden = (layers > 0) & (layers < layers.max())
    rings = [_color(name) for name in network.names[hidden].tolist()]
    x, y = network.places.T
    axes.scatter(x[hidden], y[hidden], s=330, c="white", edgecolors=rings, linewidths=2.8, zorder=3)
    axes.scatter(
        x,
        y,
        s=np.where(hidden, 190, 110),
        c=biases,
        cmap=DIVERGING,
        vmin=-1,
        vmax=1,
        edgecolors=INK,
        linewidths=[0.0 if inside else 0.9 for inside in hidden.tolist()],
        zorder=4,
    )
    for place, name, bias in zip(network.places[hidden], network.names[hidden], biases[hidden], strict=True):
        ink = "white" if abs(bias) > 0.6 else INK
        here = float(place[0]), float(place[1]), str(name + 1)
        axes.text(*here, ha="center", va="center_baseline", fontsize=SMALL, color=ink, zorder=5)
    axes.set_ylim(-0.62, 0.66)
    blank(axes)


def draw_element(axes: Axes, action: SymmetryAction, element: Element) -> None:
    """From the old places of hidden neurons to the new ones, with factors and shifts."""
    topology = topology_of(action.architecture)
    places, names = node_places(topology), topology.node_position.numpy()
    layers = topology.node_layer.numpy()
    hidden = np.flatnonzero((layers > 0) & (layers < layers.max()))
    for neuron in hidden.tolist():
        to = int(element.permutation[neuron])
        start, end = layers[neuron] + 0.0, layers[neuron] + 0.42
        heights = places[neuron, 1], places[to, 1]
        color = _color(int(names[neuron]))
        axes.plot((start, end), heights, color=color, linewidth=2.4, solid_capstyle="round", zorder=1)
        for x, y in zip((start, end), heights, strict=True):
            axes.scatter([x], [y], s=150, c="white", edgecolors=color, linewidths=2.4, zorder=2)
            axes.text(
                x, y, str(names[neuron] + 1), ha="center", va="center_baseline", fontsize=SMALL, color=INK
            )
        axes.text(end + 0.07, heights[1], _words(element, neuron), va="center", fontsize=SMALL, color=INK)
    axes.set_xlim(0.8, layers.max() - 0.05)
    axes.set_ylim(-0.62, 0.66)
    axes.text(
        0.5,
        -0.0,
        "from its place to its new one, times its factor",
        transform=axes.transAxes,
        ha="center",
        va="bottom",
        fontsize=SMALL,
        color=GRAY,
    )
    blank(axes)


def draw_functions(figure: SubFigure, architecture: Architecture, networks: Tensor, *, span: float) -> None:
    """What one network or two twins ``(n, P)`` compute, and how far twins are apart."""
    if architecture.num_inputs == 1:
        x = torch.linspace(-span, span, _POINTS, dtype=torch.float64)[:, None]
        outputs = run(architecture, networks, x)[..., 0].numpy()
        _draw_curves(figure.subplots(), x[:, 0].numpy(), outputs)
    else:
        line = torch.linspace(-span, span, _SIDE, dtype=torch.float64)
        grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1).flip(-1).reshape(-1, 2)
        outputs = run(architecture, networks, grid)[..., 0].reshape(-1, _SIDE, _SIDE).numpy()
        _draw_images(figure, outputs)
    if len(networks) > 1:
        apart = float(np.abs(outputs[0] - outputs[1]).max())
        figure.supxlabel(
            f"Both compute the same: outputs differ by at most {apart:.0e}", fontsize=TEXT, color=INK
        )


def _draw_curves(axes: Axes, inputs: np.ndarray, outputs: np.ndarray) -> None:
    tidy(axes)
    axes.plot(inputs, outputs[0], color=SKY, linewidth=_BELOW, label="the network")
    for output in outputs[1:]:
        axes.plot(inputs, output, color=INK, linewidth=1.4, linestyle=(0, (4, 3)), label="its twin")
        axes.legend(frameon=False, fontsize=TEXT, labelcolor=INK)
    axes.set_xlabel("input", color=INK)
    axes.set_ylabel("output", color=INK)


def _draw_images(figure: SubFigure, outputs: np.ndarray) -> None:
    # Empty columns at both sides, so that the images stand beside each other.
    grid = figure.subplots(1, len(outputs) + 2)
    for axes in grid[[0, -1]]:
        axes.set_axis_off()
    names = ("the network draws", "its twin draws")
    for axes, image, name in zip(grid[1:-1], outputs, names, strict=False):
        axes.imshow(image, cmap="gray", vmin=outputs.min(), vmax=outputs.max(), interpolation="nearest")
        axes.set_title(name, fontsize=TEXT, color=INK)
        blank(axes)


def _color(name: int) -> str:
    return COLORS[name % len(COLORS)]


def _words(element: Element, neuron: int) -> str:
    """The factor of a neuron and the shift of its bias, in letters."""
    factor, phase = float(element.scale[neuron]), int(element.phase[neuron])
    words = [] if factor == 1 else [f"×{factor:.2g}".replace("-", "−")]
    count = "" if abs(phase) == 1 else str(abs(phase))
    words += [] if phase == 0 else [f"{'+' if phase > 0 else '−'}{count}π/ω"]
    return " ".join(words)
