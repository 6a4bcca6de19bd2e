"""The Lightning trainer of a configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import lightning.pytorch as pl
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch.optim.swa_utils import get_ema_multi_avg_fn

from scalegmn.populations import has_terminal
from scalegmn.training._checkpoint_io import PlainCheckpointIO
from scalegmn.training._config import DistributedStrategy, RunConfig
from scalegmn.training._machine import processes_of
from scalegmn.training._run_folder import BEST, CHECKPOINTS, LAST
from scalegmn.training._task import AnyTask


def make_trainer(config: RunConfig, *, task: AnyTask, callbacks: Sequence[Callback] = ()) -> pl.Trainer:
    """A trainer as `config` says; `task` names the metric by which the best epoch is chosen.

    `callbacks` are called beside those that keep the best epoch and the last.
    """
    training = config.training
    return pl.Trainer(
        default_root_dir=str(config.folder),
        max_epochs=training.epochs,
        accelerator=training.accelerator.value,
        devices=training.devices or "auto",
        num_nodes=training.nodes,
        strategy=_strategy(config),
        accumulate_grad_batches=training.accumulate,
        precision=training.precision.value,
        gradient_clip_val=training.gradient_clip,
        callbacks=[*_callbacks(config, task), *callbacks],
        logger=_loggers(config) or False,
        plugins=[PlainCheckpointIO()],
        # Batches are distributed to processes by our own sampler.
        use_distributed_sampler=False,
        # Validation before training would say nothing and cost time.
        num_sanity_val_steps=0,
        log_every_n_steps=10,
        enable_model_summary=False,
        enable_progress_bar=shows_bar(config),
    )


def shows_bar(config: RunConfig) -> bool:
    """Whether there is a terminal for a progress bar."""
    return config.logging.progress and has_terminal()


def _strategy(config: RunConfig) -> Strategy | str:
    if processes_of(config.training) == 1:
        return "auto"
    # Tables for kinds of edges and layers that a batch does not have stay unused.
    return DDPStrategy(find_unused_parameters=config.training.strategy is DistributedStrategy.auto)


def _callbacks(config: RunConfig, task: AnyTask) -> list[Callback]:
    monitor, mode = f"val/{task.monitor}", "max" if task.larger_is_better else "min"
    # The best comes first, so that the last knows of it.
    callbacks: list[Callback] = [
        _checkpoint(config, BEST, monitor=monitor, mode=mode),
        _checkpoint(config, LAST, monitor=None, mode=mode),
    ]
    if config.training.weight_average is not None:
        # Before those that save, which then save the average.
        callbacks.insert(0, averaging(config.training.weight_average))
    if config.training.early_stopping_patience is not None:
        callbacks.append(
            EarlyStopping(
                monitor=monitor,
                mode=mode,
                patience=config.training.early_stopping_patience,
                check_on_train_epoch_end=True,
            )
        )
    if shows_bar(config):
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    return callbacks


def averaging(decay: float) -> Callback:
    """Keep an exponential moving average of the weights, which is what is validated and saved."""
    # The constants of a model, its buffers, do not change while it learns.
    return WeightAveraging(use_buffers=False, multi_avg_fn=get_ema_multi_avg_fn(decay))


def _checkpoint(config: RunConfig, name: str, *, monitor: str | None, mode: str) -> ModelCheckpoint:
    """Keep one checkpoint of this name: of the epoch with the best `monitor`, or of the last one."""
    return ModelCheckpoint(
        dirpath=config.folder / CHECKPOINTS,
        filename=name.removesuffix(".ckpt"),
        monitor=monitor,
        mode=mode,
        save_top_k=1,
        # One name each: what is written again after a kill replaces what was there.
        enable_version_counter=False,
        # The end of the training epoch is when everything of the epoch has been done.
        save_on_train_epoch_end=True,
    )


def _loggers(config: RunConfig) -> list[Logger]:
    loggers: list[Logger] = []
    if config.logging.tensorboard:
        loggers.append(TensorBoardLogger(save_dir=config.folder, name="tensorboard", version=""))
    if config.logging.wandb:
        loggers.append(
            WandbLogger(
                project=config.logging.wandb_project,
                name=config.folder.name,
                save_dir=config.folder,
                offline=config.logging.wandb_offline,
                # The same folder is the same run there, also after it was resumed.
                id=hashlib.sha256(str(config.folder.resolve()).encode()).hexdigest()[:16],
            )
        )
    return loggers
