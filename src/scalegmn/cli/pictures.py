"""All pictures of a report, and of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scalegmn.reports import save_figure
from scalegmn.training import AnyTask


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
