"""The Lightning module: a model, a task and an optimizer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, final

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torchmetrics import MeanMetric

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, Records
from scalegmn.models import Metanetwork
from scalegmn.seeding import derive_seed
from scalegmn.training._config import Precision, TrainingConfig
from scalegmn.training._history import History
from scalegmn.training._schedule import learning_rate_factor
from scalegmn.training._task import AnyTask


@final
class FitModule(pl.LightningModule):
    """What happens in one step of training or validation.

    Args:
        model: the metanetwork.
        task: loss and metrics.
        config: optimizer and schedule.
        total_steps: steps of the whole training.
        history: gets a row after every epoch; its rows travel with checkpoints.
        share: the weight of a part of a batch in its mean (:meth:`BatchOrder.share`), by its number.

    Attributes:
        learning: whether the training has begun.
        at_work: the networks that are being computed, by their positions in their set.
    """

    def __init__(
        self,
        *,
        model: Metanetwork,
        task: AnyTask,
        config: TrainingConfig,
        total_steps: int,
        history: History,
        share: Callable[[int], float] = lambda number: 1.0,
    ) -> None:
        super().__init__()
        self.at_work: Tensor | None = None
        self._share = share
        self.history = history
        self._began = self._trained = 0.0
        self.learning = False
        self.model, self.task, self.config, self.total_steps = model, task, config, total_steps
        self.train_metrics = task.metrics().clone(prefix="train/")
        self.val_metrics = task.metrics().clone(prefix="val/")
        # By itself a mean leaves NaN out, which would hide that a training has diverged.
        self.train_loss = MeanMetric(nan_strategy=float("inf"))
        self.val_loss = MeanMetric(nan_strategy=float("inf"))

    def on_train_start(self) -> None:
        """All that a checkpoint holds was taken over."""
        self.learning = True

    def on_train_epoch_start(self) -> None:
        """Restart the random numbers (of dropout) from seed and epoch, whatever came before.

        So a training that is resumed goes on as if it had never been interrupted.  This is the global
        generator, the only one that dropout knows; `fit` gives it back as it was.
        """
        seed = derive_seed(self.config.seed, "epoch", self.current_epoch, self.global_rank)
        torch.manual_seed(seed)  # noqa: TID251
        self._began = time.perf_counter()

    def training_step(self, batch: NetworkBatch, index: int) -> Tensor:
        self.at_work = batch.positions
        targets = _targets_of(batch)
        learned = self.task.predict_to_learn(self.model, batch)
        loss = torch.stack([self.task.loss(outputs, targets) for outputs in learned]).mean()
        self.train_loss.update(loss.detach(), weight=len(targets))
        for outputs in learned:
            self.task.measure(self.train_metrics, outputs.detach(), targets)
        self.log("train/loss_step", loss.detach(), prog_bar=True, batch_size=len(targets))
        return loss * self._share(index)

    def loss_of(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """The loss of a model on a batch, as in a step."""
        learned, targets = self.task.predict_to_learn(model, batch), _targets_of(batch)
        return torch.stack([self.task.loss(outputs, targets) for outputs in learned]).mean()

    def on_validation_epoch_start(self) -> None:
        self._trained = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        loss = self.train_loss.compute()
        if not torch.isfinite(loss):
            raise ConfigurationError(
                f"training: the loss is {float(loss)} in epoch {self.current_epoch}; lower "
                f"training.learning_rate, which is {self.config.learning_rate}"
            )
        self.log("train/loss", loss)
        self.log_dict(self.train_metrics.compute())
        self.train_loss.reset()
        self.train_metrics.reset()
        names = ("train/loss", f"train/{self.task.monitor}", "val/loss", f"val/{self.task.monitor}")
        logged = self.trainer.callback_metrics
        self.history.add(
            {
                "epoch": self.current_epoch,
                "step": self.global_step,
                **{name: float(logged[name]) for name in names},
                "learning_rate": float(self.optimizers().param_groups[0]["lr"]),  # type: ignore[union-attr]
                "train_seconds": self._trained - self._began,
                "seconds": time.perf_counter() - self._began,
            },
            write=self.trainer.is_global_zero,
        )

    def validation_step(self, batch: NetworkBatch, index: int) -> None:
        self.at_work = batch.positions
        outputs, targets = self.task.predict(self.model, batch), _targets_of(batch)
        self.val_loss.update(self.task.loss(outputs, targets), weight=len(targets))
        self.task.measure(self.val_metrics, outputs, targets)

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", self.val_loss.compute())
        self.log_dict(self.val_metrics.compute(), prog_bar=True)
        self.val_loss.reset()
        self.val_metrics.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history.rows

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        rows = checkpoint["history"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) and row for row in rows):
            raise ValueError("its history is no list of epochs")
        self.history.rows = rows

    def configure_optimizers(self) -> OptimizerLRScheduler:
        config = self.config
        # All parameters in one pass.  With mixed precision Lightning does not let such an optimizer clip.
        fused = config.precision is Precision.single
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused
        )

        def factor(step: int) -> float:
            return learning_rate_factor(
                step, schedule=config.schedule, warmup_steps=config.warmup_steps, total_steps=self.total_steps
            )

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _targets_of(batch: NetworkBatch) -> Tensor | Records:
    """The targets of all networks of the batch, in its order."""
    assert batch.targets is not None, "batches of a training have targets"
    return batch.targets
