"""Where two networks differ, as a heat map: one row per parameter, one cell per channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ._figures import SEQUENTIAL, SMALL, TEXT, TITLE, new_figure, tidy_bar
from ._palette import GRAY, INK, PALE

LARGEST_ROWS: Final = 80
"""Of more parameters, those that differ most are shown."""
_LEAST: Final = 1e-4
_CELLS: Final = 600


def draw_differences(channels: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """One row per parameter whose cells are its channels, darker where they differ more.

    Args:
        channels: relative differences of all channels, 0 where they agree, by the names of the parameters.
        title: above the picture.
    """
    names = _shown(channels)
    long = max((len(name) for name in names), default=0)
    figure = new_figure(width=min(16.0, 7.5 + 0.075 * long), height=max(3.0, 1.9 + 0.26 * len(names)))
    axes = figure.add_subplot()
    scale = LogNorm(vmin=_LEAST, vmax=2.0)
    picture = None
    for row, name in enumerate(names):
        cells = np.clip(_binned(np.asarray(channels[name], dtype=np.float64)), _LEAST, None)
        picture = axes.imshow(
            cells[None],
            norm=scale,
            cmap=SEQUENTIAL,
            aspect="auto",
            interpolation="nearest",
            extent=(0.0, 1.0, row + 0.42, row - 0.42),
        )
        axes.text(1.012, row, f"{len(channels[name]):,}", va="center", fontsize=SMALL, color=GRAY)
    axes.set_xlim(0, 1)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.6)
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), names, fontsize=SMALL, color=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color(PALE)
    axes.set_xlabel(_caption(len(channels)), fontsize=TEXT, color=GRAY)
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=12)
    if picture is not None:
        bar = figure.colorbar(picture, ax=axes, pad=0.09, fraction=0.04, extend="min")
        tidy_bar(bar, label="difference, relative")
    return figure


def _shown(channels: Mapping[str, Sequence[float]]) -> list[str]:
    """Names of the rows, in the order of the network."""
    if len(channels) <= LARGEST_ROWS:
        return list(channels)
    size = {name: max(values, default=0.0) for name, values in channels.items()}
    most = set(sorted(size, key=lambda name: -size[name])[:LARGEST_ROWS])
    return [name for name in channels if name in most]


def _binned(values: np.ndarray) -> np.ndarray:
    """At most as many cells as can be told apart; each shows the largest of its channels."""
    if not len(values):
        return np.zeros(1)
    if len(values) <= _CELLS:
        return values
    return np.array([part.max() for part in np.array_split(values, _CELLS)])


def _caption(count: int) -> str:
    caption = "channels of each parameter, in order; their number to the right"
    if count <= LARGEST_ROWS:
        return caption
    return f"{caption}; the {LARGEST_ROWS} of {count} parameters that differ most"
