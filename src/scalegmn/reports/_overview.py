"""One picture of a population of sine networks: images, what their networks draw, and one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.reports._figures import SMALL, TEXT, TITLE, blank, new_figure
from scalegmn.reports._network_picture import draw_network, draw_weight_key
from scalegmn.reports._palette import GRAY, GREEN, INK


class OverviewError(ScaleGMNError, ValueError):
    """Images and drawings do not belong together."""


@dataclass(frozen=True, eq=False)
class Overview:
    """What the picture shows.

    Attributes:
        images: the true images ``(n, H, W)`` or ``(n, H, W, C)``, values in [0, 1].
        drawings: what a network of each draws, same shape, or finer.
        captions: a few letters per image.
        shown: which of them the network belongs to.
        architecture: of the network.
        theta: its parameters ``(P,)``.
        channels: names of the network's outputs.
    """

    images: np.ndarray
    drawings: np.ndarray
    captions: Sequence[str]
    shown: int
    architecture: Architecture
    theta: Tensor
    channels: Sequence[str] = ("brightness",)

    def __post_init__(self) -> None:
        count = len(self.images)
        if not (len(self.drawings) == len(self.captions) == count and 0 <= self.shown < count):
            raise OverviewError(
                f"{count} images, {len(self.drawings)} drawings, {len(self.captions)} captions, and number "
                f"{self.shown} to show; expected as many of each and one of them"
            )


def draw_overview(overview: Overview, *, title: str = "") -> Figure:
    """Images and drawings in two rows above the graph of one network."""
    count = len(overview.images)
    figure = new_figure(width=max(9.0, 1.12 * count + 1.0), height=8.4)
    figure.suptitle(title, fontsize=TITLE, color=INK)
    top, bottom = figure.subfigures(2, 1, height_ratios=[2.5, 5.9], squeeze=False)[:, 0]
    cells = top.subplots(2, count, squeeze=False)
    for row, (name, pictures) in enumerate(
        (("image", overview.images), ("its network\ndraws", overview.drawings))
    ):
        for column, picture in enumerate(pictures):
            _draw_image(cells[row, column], picture, chosen=column == overview.shown)
        cells[row, 0].set_ylabel(
            name, fontsize=TEXT, color=INK, rotation=0, ha="right", va="center", labelpad=10
        )
    for column, caption in enumerate(overview.captions):
        cells[1, column].set_xlabel(caption, fontsize=SMALL, color=INK if column == overview.shown else GRAY)
    graph = bottom.subplots()
    inputs = ("x", "y") if overview.architecture.num_inputs == 2 else ()
    fits = len(overview.channels) == overview.architecture.num_outputs
    draw_network(
        graph, overview.architecture, overview.theta, inputs=inputs, outputs=overview.channels if fits else ()
    )
    graph.set_title(
        "The network in the green frame: edges are weights, neurons carry their biases",
        fontsize=TEXT,
        color=INK,
        pad=8,
    )
    draw_weight_key(graph)
    return figure


def _draw_image(axes: Axes, picture: np.ndarray, *, chosen: bool) -> None:
    axes.imshow(np.clip(picture, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    blank(axes)
    if chosen:
        for spine in axes.spines.values():
            spine.set(visible=True, color=GREEN, linewidth=3)
