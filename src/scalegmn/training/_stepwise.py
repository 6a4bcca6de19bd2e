"""Learning step by step, on one device or several."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lightning.pytorch.callbacks import Callback

from scalegmn.errors import ConfigurationError
from scalegmn.models import Metanetwork
from scalegmn.printable import printable
from scalegmn.training._checkpoint_io import restoring
from scalegmn.training._config import RunConfig
from scalegmn.training._data import Datasets, steps_per_epoch
from scalegmn.training._history import History
from scalegmn.training._loading import PopulationData
from scalegmn.training._module import FitModule
from scalegmn.training._out_of_memory import MemoryAdvice, is_out_of_memory
from scalegmn.training._run_folder import CHECKPOINTS, LAST, METRICS, checkpoint_to_resume
from scalegmn.training._task import AnyTask
from scalegmn.training._trainer import make_trainer, shows_bar


def fit_stepwise(
    config: RunConfig, model: Metanetwork, task: AnyTask, data: Datasets, callbacks: Sequence[Callback]
) -> History:
    """Train a model by Lightning, or go on with a training that was interrupted.

    Raises:
        CheckpointError: what the run folder holds is no training to go on with.
        ConfigurationError: a device has no memory left; says what fits.
        KeyboardInterrupt: the training was interrupted.
    """
    loaders = PopulationData(
        data=data,
        batch_size=config.data.batch_size,
        evaluation_batch_size=config.data.evaluation_batch_size,
        workers=config.data.num_workers,
        seed=config.training.seed,
        accumulate=config.training.accumulate,
    )
    memory = MemoryAdvice(config, data)
    trainer = make_trainer(config, task=task, callbacks=[*task.callbacks(), memory, *callbacks])
    parts = trainer.world_size * config.training.accumulate
    steps = config.training.epochs * steps_per_epoch(len(data.train), config.data.batch_size, parts=parts)
    lines = config.logging.progress and not shows_bar(config)
    history = History(config.folder / METRICS, tell=_tell if lines else None)
    module = FitModule(
        model=model,
        task=task,
        config=config.training,
        total_steps=steps,
        history=history,
        share=loaders.order.share,
    )
    last = checkpoint_to_resume(config)
    try:
        with restoring(config.folder / CHECKPOINTS / LAST, done=lambda: module.learning or last is None):
            trainer.fit(module, datamodule=loaders, ckpt_path=None if last is None else str(last))
    except SystemExit as stop:
        # Lightning ends the program when it is interrupted; callers decide that themselves.
        raise KeyboardInterrupt from stop
    except (RuntimeError, MemoryError) as error:
        if memory.sentence is None or not is_out_of_memory(error):
            raise
        raise ConfigurationError(memory.sentence) from error
    if trainer.interrupted:
        raise KeyboardInterrupt
    return history


def _tell(line: str) -> None:
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()
