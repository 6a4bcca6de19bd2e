"""What a symmetry changed and what it kept: numbers before it against numbers after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from scalegmn.errors import ScaleGMNError
from scalegmn.seeding import numpy_generator

from ._figures import SMALL, TITLE, new_figure, tidy
from ._palette import BLUE, GRAY, INK

_SIDE: Final = 4.0
_MOST: Final = 3000
"""Points of a panel; of more numbers so many are drawn at random."""


class KeptPictureError(ScaleGMNError, ValueError):
    """There is nothing to draw, or numbers before and after do not belong together."""


def draw_function_kept(pairs: Mapping[str, tuple[Tensor, Tensor]], *, title: str = "") -> Figure:
    """A panel for each pair: a point per number, where it was against where it is now.

    What was kept lies on the diagonal.  Weights of a network that was moved by a symmetry lie beside it, and
    the outputs of the network on it.

    Args:
        pairs: numbers before and after, of one shape, by what they are.
        title: above the picture.

    Raises:
        KeptPictureError: there are no pairs, or a pair has other shapes, no numbers, or some that are not
            finite.
    """
    if not pairs:
        raise KeptPictureError("no pairs to draw; give numbers before and after, by what they are")
    figure = new_figure(width=_SIDE * len(pairs) + 0.6, height=_SIDE + 0.9)
    for axes, (name, (before, after)) in zip(
        figure.subplots(1, len(pairs), squeeze=False)[0], pairs.items(), strict=True
    ):
        _draw_panel(axes, name, *_numbers(name, before, after))
    figure.suptitle(title, fontsize=TITLE, color=INK)
    return figure


def _numbers(name: str, before: Tensor, after: Tensor) -> tuple[np.ndarray, np.ndarray]:
    if before.shape != after.shape or not before.numel():
        raise KeptPictureError(
            f"{name!r}: shapes {tuple(before.shape)} before and {tuple(after.shape)} after; expected one "
            "shape for both, and at least one number"
        )
    flat = tuple(part.detach().cpu().double().reshape(-1).numpy() for part in (before, after))
    if not all(np.isfinite(part).all() for part in flat):
        raise KeptPictureError(f"{name!r}: has numbers that are not finite; leave them out")
    return flat[0], flat[1]


def _draw_panel(axes: Axes, name: str, before: np.ndarray, after: np.ndarray) -> None:
    tidy(axes)
    axes.set_title(name, fontsize=TITLE, color=INK, loc="left", pad=22)
    values = np.concatenate([before, after])
    margin = 0.05 * (values.max() - values.min()) or 1.0
    ends = float(values.min() - margin), float(values.max() + margin)
    axes.plot(ends, ends, color=GRAY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    chosen = numpy_generator(0, "kept").permutation(len(before))[:_MOST]
    axes.scatter(before[chosen], after[chosen], s=14, c=BLUE, alpha=0.5, linewidths=0, zorder=2)
    axes.set_xlabel("before", color=INK)
    axes.set_ylabel("after", color=INK)
    axes.text(
        0,
        1.015,
        f"largest change {np.abs(after - before).max():.2g}",
        transform=axes.transAxes,
        va="bottom",
        fontsize=SMALL,
        color=INK,
    )
