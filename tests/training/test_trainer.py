"""The moving average of weights: what is validated and saved is the average, also after an interruption."""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from scalegmn.training import Run, parse_config, train
from scalegmn.training._checkpoint_io import read_checkpoint
from scalegmn.training._run_folder import CHECKPOINTS, LAST
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("average") / "p", networks=48).folder


class _Weights(Callback):
    """Keeps the weights after every step."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: object) -> None:
        self.kept.append({name: value.detach().clone() for name, value in pl_module.named_parameters()})


class _Stop(Callback):
    """Ends a training in its second epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt


def run(population: Path, folder: Path, *callbacks: Callback, **changes: object) -> None:
    config, problems = parse_config(options(population, folder, **changes))
    assert config is not None and not problems
    train(config, callbacks=callbacks)


def last(folder: Path) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = read_checkpoint(folder / CHECKPOINTS / LAST)["state_dict"]
    return weights


@pytest.mark.slow
def test_what_is_saved_is_the_moving_average(population: Path, tmp_path: Path) -> None:
    weights = _Weights()
    run(population, tmp_path / "run", weights, training__weight_average=0.75)
    average = weights.kept[0]
    for now in weights.kept[1:]:
        average = {name: 0.75 * average[name] + 0.25 * now[name] for name in now}
    saved = last(tmp_path / "run")
    assert len(weights.kept) == 4
    for name, value in average.items():
        torch.testing.assert_close(saved[name], value, rtol=1e-4, atol=1e-6)
    moved = [name for name in average if not torch.allclose(saved[name], weights.kept[-1][name], atol=1e-5)]
    assert moved


@pytest.mark.slow
def test_an_average_that_keeps_nothing_is_the_weights(population: Path, tmp_path: Path) -> None:
    run(population, tmp_path / "plain")
    run(population, tmp_path / "average", training__weight_average=0)
    plain, average = (Run.open(tmp_path / name).model.state_dict() for name in ("plain", "average"))
    for name in plain:
        torch.testing.assert_close(plain[name], average[name])


@pytest.mark.slow
def test_an_interrupted_average_goes_on_where_it_was(population: Path, tmp_path: Path) -> None:
    run(population, tmp_path / "whole", training__weight_average=0.9)
    with pytest.raises(KeyboardInterrupt):
        run(population, tmp_path / "parts", _Stop(), training__weight_average=0.9)
    run(population, tmp_path / "parts", training__weight_average=0.9, resume="true")
    whole, parts = last(tmp_path / "whole"), last(tmp_path / "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
