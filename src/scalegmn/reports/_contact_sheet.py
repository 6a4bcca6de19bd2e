"""Images in rows: what networks drew before an edit, what they should draw, what they draw now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from scalegmn.errors import ScaleGMNError
from scalegmn.reports._figures import DIVERGING, SMALL, TEXT, TITLE, blank, new_figure, tidy_bar
from scalegmn.reports._palette import GRAY, INK

_CELL: Final = 1.15
_MOST: Final = 16


class ContactSheetError(ScaleGMNError, ValueError):
    """Images do not belong together."""


def contact_sheet(
    before: np.ndarray,
    target: np.ndarray | None,
    after: np.ndarray,
    *,
    title: str = "",
    captions: Sequence[str] = (),
    names: tuple[str, str, str] = ("before", "target", "after"),
) -> Figure:
    """One column per network: before, target, after, and the difference of the last two.

    Values below 0 are shown black and above 1 white.  In differences, orange is too dark and blue too bright
    (the mean over channels).  Under a column stands its mean squared error times 100.

    Args:
        before: drawings before the edit, ``(k, H, W)`` or ``(k, H, W, 3)``, k at most 16.
        target: edited images; None where they are not known, and the difference is that of `after` and
            `before`.
        after: drawings after the edit.
        title: above the picture.
        captions: a few letters per network; by default the errors.
        names: of the three rows.

    Raises:
        ContactSheetError: the images have other shapes, or there are too many or none.
    """
    _check([images for images in (before, target, after) if images is not None], captions)
    reference = before if target is None else target
    rows = dict(zip(names, (before, target, after), strict=True))
    shown = {name: images for name, images in rows.items() if images is not None}
    count = len(before)
    size = _CELL * count + 1.9, _CELL * (len(shown) + 1) + (1.1 if title else 0.75)
    figure = new_figure(width=size[0], height=size[1])
    # A narrow last column is for the key, so that the rows stay in line.
    grid = figure.subplots(len(shown) + 1, count + 1, squeeze=False, width_ratios=[1.0] * count + [0.1])
    cells, margin = grid[:, :-1], grid[:, -1]
    for row, (name, images) in enumerate(shown.items()):
        for axes, image in zip(cells[row], images, strict=True):
            axes.imshow(np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        _name(cells[row, 0], name)
    difference = after - reference
    signed = difference if difference.ndim == 3 else difference.mean(axis=3)
    for axes, image in zip(cells[-1], signed, strict=True):
        axes.imshow(image, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    _name(cells[-1, 0], f"{names[2]}\n- {names[0] if target is None else names[1]}")
    errors = np.square(difference, dtype=np.float64).reshape(count, -1).mean(axis=1)
    stated = captions or [f"{100 * error:.2f}" for error in errors]
    for axes in cells.flat:
        blank(axes)
    for axes, caption in zip(cells[-1], stated, strict=True):
        axes.set_xlabel(caption, fontsize=SMALL, color=GRAY, labelpad=3)
    if not captions:
        figure.supxlabel("mean squared error x 100", fontsize=SMALL, color=GRAY)
    if title:
        figure.suptitle(title, fontsize=TITLE, color=INK)
    _key(figure, margin)
    return figure


def sheet_pixels(figure: Figure) -> np.ndarray:
    """A drawn figure as an image ``(H, W, 3)`` uint8, for programs that take images and not figures."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _check(pictures: Sequence[np.ndarray], captions: Sequence[str]) -> None:
    shapes = [images.shape for images in pictures]
    first = shapes[0]
    if len(set(shapes)) > 1 or len(first) not in (3, 4) or (len(first) == 4 and first[3] != 3):
        raise ContactSheetError(
            f"images of shapes {shapes}; expected the same one, (k, H, W) or (k, H, W, 3), for all rows"
        )
    if not 1 <= first[0] <= _MOST:
        raise ContactSheetError(f"{first[0]} networks; expected 1 to {_MOST} on a sheet")
    if captions and len(captions) != first[0]:
        raise ContactSheetError(f"{len(captions)} captions for {first[0]} networks; expected one each")


def _name(axes: Axes, name: str) -> None:
    axes.set_ylabel(name, fontsize=TEXT, color=INK, rotation=0, ha="right", va="center", labelpad=10)


def _key(figure: Figure, margin: np.ndarray) -> None:
    """What the colors of differences mean, beside their row."""
    for axes in margin[:-1]:
        axes.set_axis_off()
    bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), DIVERGING), cax=margin[-1], ticks=[-1, 0, 1])
    tidy_bar(bar)
