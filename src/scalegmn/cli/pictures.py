"""All pictures of a report, and of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.cli.contact_sheets import SHEET, write_sheet
from scalegmn.reports import draw_roc, save_figure
from scalegmn.training import Report
from scalegmn.trojans.detection import RELIABILITY, ROC, draw_calibration

ROC_PICTURE: Final = "roc.png"
CALIBRATION_PICTURE: Final = "calibration.png"


def write_pictures(report: Report, folder: Path, *, prefix: str = "", title: str = "") -> list[Path]:
    """Draw what the arrays of a report show into a folder; nothing for reports without such arrays.

    Args:
        report: the figures.
        folder: where pictures go.
        prefix: of the names of files.
        title: above the pictures.
    """
    sheet = write_sheet(report, folder, name=f"{prefix}{SHEET}", title=title)
    written = [] if sheet is None else [sheet]
    return [*written, *_of_detection(report.arrays, folder, prefix=prefix, title=title)]


def detection_pictures_of_run(folder: Path) -> list[Path]:
    """Draw the ROC curve and the calibration that a training left in its run folder, once."""
    if (folder / CALIBRATION_PICTURE).exists():
        return []
    paths = {name: folder / f"{name}.npy" for name in (ROC, RELIABILITY)}
    arrays = {name: np.load(path, allow_pickle=False) for name, path in paths.items() if path.is_file()}
    return _of_detection(arrays, folder, prefix="", title="test networks")


def _of_detection(arrays: dict[str, np.ndarray], folder: Path, *, prefix: str, title: str) -> list[Path]:
    written = []
    if ROC in arrays:
        figure = draw_roc({"the detector": arrays[ROC]}, title=title)
        written.append(save_figure(figure, folder / f"{prefix}{ROC_PICTURE}"))
    if RELIABILITY in arrays:
        figure = draw_calibration(arrays[RELIABILITY], title=title)
        written.append(save_figure(figure, folder / f"{prefix}{CALIBRATION_PICTURE}"))
    return written
