"""What to do when a device has no memory left: how many networks it has room for, tried on the spot."""

from __future__ import annotations

import copy
import gc
import traceback
from typing import final

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from scalegmn.graph import NetworkBatch
from scalegmn.models import Metanetwork
from scalegmn.training._config import RunConfig
from scalegmn.training._data import Datasets
from scalegmn.training._module import FitModule


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory is what was missing, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


@final
class MemoryAdvice(Callback):
    """When memory runs out, halves the batch until one fits, and says what to set.

    Args:
        config: of the training.
        data: its networks.

    Attributes:
        sentence: what went wrong and what to do; None while nothing has.
    """

    def __init__(self, config: RunConfig, data: Datasets) -> None:
        self.config, self.data = config, data
        self.sentence: str | None = None

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Called by Lightning while the model is still on its device."""
        if not is_out_of_memory(exception) or not isinstance(pl_module, FitModule):
            return
        positions = pl_module.at_work
        if positions is None:
            return
        # What the interrupted step has computed lives as long as its variables do.
        traceback.clear_frames(exception.__traceback__)
        learning = pl_module.training
        fits = self._largest(trainer, pl_module, positions.cpu().numpy(), learning=learning)
        advice = self._on_learning(fits, trainer.world_size) if learning else self._on_evaluating(fits)
        self.sentence = (
            f"training: out of memory on {pl_module.device} with {len(positions)} networks at a time, "
            f"{_fitting(fits)}; {advice}"
        )

    def _largest(
        self, trainer: pl.Trainer, module: FitModule, positions: np.ndarray, *, learning: bool
    ) -> int | None:
        """How many networks of a batch can be computed, halving until it works; None if not even one."""
        networks = self.data.train if learning else self.data.val
        size = len(positions)
        # Processes wait for the gradients of the model itself, not for those of a copy.
        model = copy.deepcopy(module.model)
        while size > 1:
            size = -(-size // 2)
            _free(module.device)
            try:
                with trainer.precision_plugin.train_step_context(), torch.set_grad_enabled(learning):
                    _compute(module, model, networks[positions[:size]].to(module.device), learning=learning)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                traceback.clear_frames(error.__traceback__)
                model.zero_grad()
            else:
                return size
        return None

    def _on_learning(self, fits: int | None, processes: int) -> str:
        size = self.config.data.batch_size
        if fits is None:
            return "use training.recompute=true, a smaller model or smaller networks"
        parts = -(-size // (fits * processes))
        return (
            f"set training.accumulate to {parts}, which keeps steps of {size} networks, or data.batch_size "
            f"to {fits * processes}"
        )

    def _on_evaluating(self, fits: int | None) -> str:
        if fits is None:
            return "use a smaller model or smaller networks"
        return f"set data.evaluation_batch_size to {fits}"


def _compute(module: FitModule, model: Metanetwork, batch: NetworkBatch, *, learning: bool) -> None:
    """What a step computes, without the step."""
    if learning:
        module.loss_of(model, batch).backward()
        model.zero_grad()
    else:
        module.task.predict(model, batch)


def _fitting(fits: int | None) -> str:
    if fits is None:
        return "and even one of them does not fit"
    return f"of which {fits} fit"


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
