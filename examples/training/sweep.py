"""Hyper-parameters by Optuna: trials of `scalegmn train`, judged by their validation networks alone.

    pip install 'optuna>=5'
    python examples/training/sweep.py runs/sweep --trials 30 --seed 0 --config inr_classification/mnist \
        --data.population populations/mnist_inrs --training.epochs 20

Options that are not the sweep's own are those of `scalegmn train`.  The study is a file in the folder: the
same command goes on with it, and several at a time share it, for example one for each GPU
(CUDA_VISIBLE_DEVICES).  Trials that are worse than most others at the same epoch are given up.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import optuna
from lightning.pytorch.callbacks import Callback

from scalegmn.errors import ConfigurationError
from scalegmn.training import TASKS, RunConfig, parse_config, train


class Pruning(Callback):
    """Tells Optuna the validation figure of every epoch, and gives up where it says so."""

    def __init__(self, trial: optuna.Trial, monitor: str) -> None:
        self.trial, self.monitor = trial, f"val/{monitor}"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.trial.report(float(trainer.callback_metrics[self.monitor]), trainer.current_epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def suggested(trial: optuna.Trial) -> list[str]:
    """What is tried: change this to what you want to know."""
    values = {
        "training.learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        "model.features": trial.suggest_categorical("features", [32, 64, 128]),
        "model.dropout": trial.suggest_float("dropout", 0.0, 0.3, step=0.1),
    }
    return [f"--{name}={value}" for name, value in values.items()]


def configured(options: Sequence[str]) -> RunConfig:
    config, problems = parse_config(options)
    if config is None or problems:
        raise ConfigurationError(problems=problems)
    return config


def sweep(folder: Path, options: Sequence[str], *, trials: int, seed: int = 0) -> optuna.Study:
    """Run trials; each has a run folder of its own beside the study."""
    folder.mkdir(parents=True, exist_ok=True)
    task = TASKS.get(configured(options).task)

    def objective(trial: optuna.Trial) -> float:
        # A seed for each trial: who goes on with a study, or shares it, does not begin with the same values.
        trial.study.sampler = optuna.samplers.TPESampler(seed=seed + trial.number)
        config = configured(
            [*options, *suggested(trial), f"--output={folder / f'trial{trial.number}'}"]
        )
        outcome = train(config, callbacks=[Pruning(trial, task.monitor)])
        return float(outcome.results[f"val_{task.monitor}"])

    study = optuna.create_study(
        study_name="sweep",
        storage=f"sqlite:///{folder / 'study.db'}",
        load_if_exists=True,
        direction="maximize" if task.larger_is_better else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    study.optimize(objective, n_trials=trials)
    return study


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Hyper-parameters by Optuna; other options: scalegmn train --help"
    )
    parser.add_argument("folder", type=Path, help="of the study and of all runs")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the values that are tried")
    own, options = parser.parse_known_args(argv)
    if own.trials < 1:
        parser.error(f"--trials is {own.trials}, expected 1 or more")
    study = sweep(own.folder, options, trials=own.trials, seed=own.seed)
    best = study.best_trial
    print(
        f"best of {len(study.trials)} trials: {best.value} with {best.params}, in trial{best.number}"
    )


if __name__ == "__main__":
    main()
