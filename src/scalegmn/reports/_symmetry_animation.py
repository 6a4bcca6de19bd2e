"""A network that moves along a symmetry while its function stands still, as an animated picture."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from scalegmn.disk import make_folder, replace_file
from scalegmn.networks import Architecture
from scalegmn.symmetry import Element, SymmetryAction

from ._contact_sheet import sheet_pixels
from ._figures import DIVERGING, TEXT, TITLE, blank, new_figure
from ._palette import COLORS, INK
from ._twin_picture import DrawnNetwork, TwinPictureError, draw_functions, draw_neurons, twins_of

_DPI: Final = 72
_COLORS: Final = 128
# Pixels that each color of neurons counts as when the palette is chosen.
_PATCH: Final = 2000
# Of frames, in milliseconds: while something moves, and where it stands.
_MOVING: Final = 60
_STANDING: Final = 1400


def animate_symmetry(
    architecture: Architecture,
    theta: Tensor,
    element: Element,
    path: str | Path,
    *,
    frames: int = 12,
    span: float = 1.0,
) -> Path:
    r"""Write a GIF: first neurons are multiplied by their factors, then they move to their new places.

    While factors act, a frame shows the network that the element with factors :math:`\operatorname{sign}(q_i)
    |q_i|^t` makes of the first one, so all frames are networks of one function; the curve below is computed
    anew for each.  Signs and phases, which have no way between, change half way.  Then neurons take their
    weights along to their new places, and the strip of all parameters follows.

    Args:
        architecture: at most five layers of at most twelve neurons, with one input or two.
        theta: parameters ``(P,)``.
        element: of the group of the architecture.
        path: of the picture, which ends in ``.gif``; an older one is replaced.
        frames: of each of the two movements, at least 2.
        span: inputs go from ``-span`` to ``span``.

    Raises:
        TwinPictureError: the network is too large, has more than two inputs, the frames are too few, or the
            path has another suffix.
        SymmetryError: the element is none of the architecture.
        DiskError: the picture cannot be written.
    """
    path = Path(path)
    if frames < 2 or path.suffix != ".gif":
        raise TwinPictureError(
            f"{frames} frames for {path.name}, expected 2 or more and a file that ends in .gif"
        )
    images: list[Image.Image] = []
    durations: list[int] = []
    for figure, duration in _frames(SymmetryAction(architecture), theta, element, frames=frames, span=span):
        images.append(Image.fromarray(sheet_pixels(figure)))
        durations.append(duration)
    # One palette for all, so that what stands still does not flicker, with the colors of all neurons.
    patches = np.array([[to_rgb(color)] * _PATCH for color in COLORS])
    sample = np.concatenate(
        [np.asarray(images[0]).reshape(-1, 3), (255 * patches).reshape(-1, 3).astype(np.uint8)]
    )
    palette = Image.fromarray(sample[None]).quantize(_COLORS, dither=Image.Dither.NONE)
    few = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    content = io.BytesIO()
    few[0].save(
        content, format="GIF", save_all=True, append_images=few[1:], duration=durations, loop=0, optimize=True
    )
    make_folder(path.parent)
    replace_file(path, content.getvalue())
    return path


def _frames(
    action: SymmetryAction, theta: Tensor, element: Element, *, frames: int, span: float
) -> Iterator[tuple[Figure, int]]:
    """Pictures and how long each is shown."""
    still = action.identity()
    scaling = dataclasses.replace(element, permutation=still.permutation)
    for number in range(frames + 1):
        part = number / frames
        network, _ = twins_of(action, action.apply(theta.double(), _part_of(scaling, part)), still)
        yield _frame(action, network, moved=0.0, element=element, span=span), _duration(part)
    scaled = network
    to = scaled.places[element.permutation.numpy()]
    for number in range(1, frames + 1):
        part = number / frames
        # Slow at both ends.
        gone = 0.5 - 0.5 * float(np.cos(np.pi * part))
        moving = dataclasses.replace(scaled, places=(1 - gone) * scaled.places + gone * to)
        yield _frame(action, moving, moved=gone, element=element, span=span), _duration(part)


def _duration(part: float) -> int:
    return _STANDING if part in (0.0, 1.0) else _MOVING


def _part_of(element: Element, part: float) -> Element:
    """The element with a part of its factors; signs and phases are taken half way."""
    late = part >= 0.5
    sign = element.scale.sign() if late else torch.ones_like(element.scale)
    phase = element.phase if late else torch.zeros_like(element.phase)
    return dataclasses.replace(element, scale=sign * element.scale.abs() ** part, phase=phase)


def _frame(
    action: SymmetryAction, network: DrawnNetwork, *, moved: float, element: Element, span: float
) -> Figure:
    figure = new_figure(width=7.4, height=5.6)
    figure.set_dpi(_DPI)
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[3.7, 0.75, 2.4], squeeze=False)[:, 0]
    axes = top.subplots()
    draw_neurons(axes, network)
    axes.set_title("Weights move, the function stays", fontsize=TITLE, color=INK)
    _draw_strip(middle.subplots(), action, network, moved=moved, element=element)
    draw_functions(bottom, action.architecture, network.theta[None], span=span)
    return figure


def _draw_strip(
    axes: Axes, action: SymmetryAction, network: DrawnNetwork, *, moved: float, element: Element
) -> None:
    """All parameters as cells in their order in the file, on the way to their new places."""
    moving = dataclasses.replace(element, scale=torch.ones_like(element.scale), phase=0 * element.phase)
    sources = (
        action.apply_update(torch.arange(len(network.theta), dtype=torch.float64), moving).long().numpy()
    )
    values = network.theta.numpy()
    limit = float(np.quantile(np.abs(values), 0.98)) or 1.0
    order = np.arange(len(values))
    axes.bar(
        (1 - moved) * sources + moved * order,
        1.0,
        width=0.9,
        color=DIVERGING(0.5 + 0.5 * np.clip(values[sources] / limit, -1, 1)),
        edgecolor=INK,
        linewidth=0.4,
    )
    axes.set_xlim(-1, len(values))
    blank(axes)
    axes.set_xlabel("all parameters, as a file holds them", fontsize=TEXT, color=INK)
