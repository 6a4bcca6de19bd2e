"""The one style of all pictures: sizes of type, plain axes and color bars, and saving.

Type is for pictures of 9 to 12 inches that are shown at half of their pixels: 10.5 points are then about 11
pixels high.  Colors are told apart with every common kind of color vision, and where there are more lines
than colors, styles of lines and marks repeat them.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final, final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from scalegmn.disk import create_file, make_folder, replace_file
from scalegmn.reports._palette import BLUE, GRAY, INK, ORANGE, PALE

# Of numbers with a sign: orange, white, blue.
DIVERGING: Final = LinearSegmentedColormap.from_list("orange_blue", [ORANGE, "#F7F7F7", BLUE])
# Of counts and shares: white to dark blue.
SEQUENTIAL: Final = LinearSegmentedColormap.from_list("white_blue", ["#FFFFFF", "#9CC9E3", BLUE, "#003A5C"])

TITLE: Final = 13.5
TEXT: Final = 11.5
SMALL: Final = 10.5
_DPI: Final = 150


@final
class HouseFigure(Figure):
    """A figure that shows itself where it is the last value of a cell of a notebook, without pyplot."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def new_figure(*, width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches that arranges its own contents."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.03, hspace=0.02)
    figure = HouseFigure(figsize=(width, height), dpi=_DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path, *, replace: bool = True) -> Path:
    """Write a PNG, whole or not at all.  Folders are made.

    Args:
        figure: the picture.
        path: its file.
        replace: whether an older picture is replaced.

    Raises:
        DiskError: it cannot be written, or there is an older one that is not to be replaced.
    """
    path, content = Path(path), _png(figure)
    make_folder(path.parent)
    (replace_file if replace else create_file)(path, content)
    return path


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    # Without the version of the drawing library: the same picture is the same file.
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def tidy(axes: Axes, *, title: str = "") -> None:
    """Plain axes: readable type, a faint grid behind, no box."""
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", pad=10)
    axes.tick_params(labelsize=SMALL, colors=INK, length=0)
    axes.xaxis.label.set_fontsize(TEXT)
    axes.yaxis.label.set_fontsize(TEXT)
    axes.grid(color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRAY)


def tidy_bar(bar: Colorbar, *, label: str = "") -> None:
    """A color bar without a frame and ticks, with readable type."""
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=TEXT, color=INK)
    bar.ax.tick_params(which="both", length=0, labelsize=SMALL, colors=INK)


def blank(axes: Axes) -> None:
    """Axes without frame, ticks or grid."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
