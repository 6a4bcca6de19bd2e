"""Contact sheets of edited drawings, in TensorBoard while an editor learns."""

from __future__ import annotations

from typing import Any, final

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger

from scalegmn.editing._image_error import ImageTargets
from scalegmn.editing._report import SHOWN
from scalegmn.reports import contact_sheet, sheet_pixels
from scalegmn.training import FitModule, PopulationData


@final
class ContactSheets(Callback):
    """Shows in TensorBoard, after every validation, what a few validation networks draw.

    Without TensorBoard it does nothing.
    """

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The model is in evaluation mode here, and gradients are off."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        data: Any = getattr(trainer, "datamodule", None)
        if not loggers or not isinstance(pl_module, FitModule) or not isinstance(data, PopulationData):
            return
        if not trainer.is_global_zero:
            return
        networks = data.data.val
        shown = np.unique(np.linspace(0, len(networks) - 1, SHOWN).astype(np.int64))
        batch = networks[shown].to(pl_module.device)
        assert isinstance(batch.targets, ImageTargets), "an editor learns from images"
        after = pl_module.task.predict(pl_module.model, batch).float().cpu().numpy()
        target, before = (images.float().cpu() for images in (batch.targets.edited, batch.targets.before))
        title = f"validation networks after epoch {trainer.current_epoch}"
        pixels = sheet_pixels(contact_sheet(before.numpy(), target.numpy(), after, title=title))
        for logger in loggers:
            logger.experiment.add_image(
                "val/contact_sheet", pixels, global_step=trainer.global_step, dataformats="HWC"
            )
