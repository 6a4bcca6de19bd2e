"""Contact sheets of the task ``inr_editing``: in the run folder, and in TensorBoard while training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, final

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger

from scalegmn.editing import PICTURES, SHOWN, ImageTargets, InrEditing
from scalegmn.reports import contact_sheet, save_figure, sheet_pixels
from scalegmn.training import FitModule, PopulationData, Report

SHEET: Final = "contact_sheet.png"


def write_sheet(report: Report, folder: Path, *, name: str = SHEET, title: str = "") -> Path | None:
    """Draw the pictures of a report into a folder; None for reports that have none."""
    if not set(PICTURES) <= set(report.arrays):
        return None
    before, target, after = (report.arrays[key] for key in PICTURES)
    return save_figure(contact_sheet(before, target, after, title=title), folder / name)


def sheet_of_run(folder: Path) -> Path | None:
    """Draw the pictures that a training left in its run folder, once; None where there are none."""
    paths = [folder / f"{key}.npy" for key in PICTURES]
    if (folder / SHEET).exists():
        return folder / SHEET
    if not all(path.is_file() for path in paths):
        return None
    before, target, after = (np.load(path, allow_pickle=False) for path in paths)
    return save_figure(contact_sheet(before, target, after, title="test networks"), folder / SHEET)


@final
class ContactSheets(Callback):
    """Shows in TensorBoard, after every validation, what a few validation networks draw.

    For other tasks, and without TensorBoard, it does nothing.
    """

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The model is in evaluation mode here, and gradients are off."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        data: Any = getattr(trainer, "datamodule", None)
        if not loggers or not isinstance(pl_module, FitModule) or not isinstance(data, PopulationData):
            return
        if not isinstance(pl_module.task, InrEditing) or not trainer.is_global_zero:
            return
        networks = data.data.val
        shown = np.unique(np.linspace(0, len(networks) - 1, SHOWN).astype(np.int64))
        batch = networks[shown].to(pl_module.device)
        assert isinstance(batch.targets, ImageTargets), "batches of a training have targets"
        after = pl_module.task.answer(pl_module.model, batch).float().cpu().numpy()
        target, before = (images.float().cpu() for images in (batch.targets.edited, batch.targets.before))
        title = f"validation networks after epoch {trainer.current_epoch}"
        pixels = sheet_pixels(contact_sheet(before.numpy(), target.numpy(), after, title=title))
        for logger in loggers:
            logger.experiment.add_image(
                "val/contact_sheet", pixels, global_step=trainer.global_step, dataformats="HWC"
            )
