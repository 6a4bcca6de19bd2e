"""All pictures of a report, and of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scalegmn.reports import MeasuredLine, draw_measured, in_words, save_figure
from scalegmn.training import CURVE, AnyTask


def write_pictures(
    task: AnyTask, arrays: Mapping[str, np.ndarray], folder: Path, *, prefix: str = "", title: str = ""
) -> list[Path]:
    """Draw what the arrays of a report show into a folder; nothing where they show nothing.

    Args:
        task: says what is drawn.
        arrays: of its report.
        folder: where pictures go.
        prefix: of the names of files.
        title: above the pictures.
    """
    written = []
    for name, picture in task.pictures.items():
        if set(picture.arrays) <= arrays.keys():
            figure = picture.draw(*(arrays[key] for key in picture.arrays), title=title)
            written.append(save_figure(figure, folder / f"{prefix}{name}"))
    return written


def pictures_of_run(task: AnyTask, folder: Path) -> list[Path]:
    """Draw what a training left in its run folder, once."""
    if any((folder / name).exists() for name in task.pictures):
        return []
    names = {name for picture in task.pictures.values() for name in picture.arrays}
    paths = {name: folder / f"{name}.npy" for name in names}
    arrays = {name: np.load(path, allow_pickle=False) for name, path in paths.items() if path.is_file()}
    return write_pictures(task, arrays, folder, title="test networks")


def write_curve(task: AnyTask, summary: Mapping[str, Any], column: str, path: Path) -> None:
    """Draw the figures of the bins of a column, each at the median of its networks; nothing without any.

    Args:
        task: says which figures go together.
        summary: of a report over bins.
        column: that was divided.
        path: of the picture.
    """
    bins = [entry for entry in summary[f"{CURVE}_{column}"] if entry["figures"] is not None]
    names = task.fractions or (task.headline or (task.monitor,))[:1]
    lines = {}
    for name in names:
        values = [entry["figures"].get(name) for entry in bins]
        ends = [entry["figures"].get(f"{name}_interval_95") for entry in bins]
        if any(value is not None for value in values):
            lines[in_words(name)] = MeasuredLine(
                places=[entry["median"] for entry in bins],
                values=values,
                bars=[None if pair is None else (pair[0], pair[1]) for pair in ends],
            )
    if lines:
        title = f"Bins of {in_words(column)}, with 95 % intervals"
        label = "figure" if len(lines) > 1 else next(iter(lines))
        save_figure(draw_measured(lines, label=in_words(column), figure_label=label, title=title), path)
