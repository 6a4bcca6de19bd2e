"""Batches in parts, on one device or several: the same steps, and what to do where there is no room."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.tasks import Classification
from scalegmn.training import RunConfig, parse_config, train
from scalegmn.training._checkpoint_io import read_checkpoint
from scalegmn.training._checks import work_errors
from scalegmn.training._machine import machine_errors, processes_of
from scalegmn.training._processes import is_first_process, slurm_tasks
from scalegmn.training._run_folder import CHECKPOINTS, LAST
from tests.training.small import options, small_population

# Dropout draws other numbers for other parts.
SAME = {"model.dropout": 0}
PROGRAM = """
import sys
from scalegmn.training import parse_config, train
for run in " ".join(sys.argv[1:]).split(" / "):
    config, problems = parse_config(run.split())
    assert not problems, problems
    train(config)
"""


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("devices") / "p").folder


@pytest.fixture(scope="module")
def plain(population: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training in one process, whole batches at a time."""
    folder = tmp_path_factory.mktemp("plain") / "run"
    train(configured(population, folder, **SAME))
    return folder


def configured(population: Path, folder: Path, **changes: object) -> RunConfig:
    config, problems = parse_config(options(population, folder, **changes))
    assert config is not None and not problems
    return config


def weights(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = read_checkpoint(folder / CHECKPOINTS / LAST)["state_dict"]
    return found


def figures(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [{n: v for n, v in row.items() if not n.endswith("seconds")} for row in rows]


def assert_close(one: Path, other: Path) -> None:
    """Sums in another order differ by rounding, which AdamW may enlarge where a gradient is almost zero."""
    for row, same in zip(figures(one), figures(other), strict=True):
        assert row == pytest.approx(same, rel=1e-3)
    found, expected = weights(one), weights(other)
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-3)


@pytest.mark.slow
def test_accumulated_parts_make_the_same_steps(population: Path, plain: Path, tmp_path: Path) -> None:
    train(configured(population, tmp_path / "run", **SAME, training__accumulate=3))
    assert_close(tmp_path / "run", plain)
    assert [row["step"] for row in figures(tmp_path / "run")] == [4, 8]


@pytest.mark.slow
def test_a_training_goes_on_in_other_parts(population: Path, plain: Path, tmp_path: Path) -> None:
    train(configured(population, tmp_path / "run", **SAME, training__epochs=1))
    train(configured(population, tmp_path / "run", **SAME, training__accumulate=2, resume="true"))
    assert_close(tmp_path / "run", plain)


@pytest.mark.slow
def test_two_processes_do_what_one_does_and_resume_exactly(
    population: Path, plain: Path, tmp_path: Path
) -> None:
    run = "training.devices", "training.epochs"
    flat = {"metanetwork": "flat_mlp", "training.devices": 2, "training.strategy": "ddp"}
    runs = [
        [one for one in options(population, tmp_path / "flat", **flat) if "--model." not in one],
        options(population, tmp_path / "two", **SAME, **dict(zip(run, (2, 2), strict=True))),
        options(population, tmp_path / "four", **SAME, **{"training.devices": 2, "training.accumulate": 2}),
        options(population, tmp_path / "whole", **dict(zip(run, (2, 3), strict=True))),
        options(population, tmp_path / "resumed", **dict(zip(run, (2, 1), strict=True))),
        options(population, tmp_path / "resumed", **dict(zip(run, (2, 3), strict=True)), resume="true"),
    ]
    together(PROGRAM, " / ".join(" ".join(one) for one in runs))
    for name in ("two", "four"):
        assert_close(tmp_path / name, plain)
    assert len(figures(tmp_path / "flat")) == 2
    resumed, whole = weights(tmp_path / "resumed"), weights(tmp_path / "whole")
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert figures(tmp_path / "resumed") == figures(tmp_path / "whole")


def together(program: str, *arguments: str) -> None:
    """Two processes, started as torchrun does it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "GROUP_RANK": 0, "MASTER_PORT": port}
    common |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "test", "OMP_NUM_THREADS": 1}
    processes = []
    for rank in range(2):
        own = {name: str(value) for name, value in {**common, "RANK": rank, "LOCAL_RANK": rank}.items()}
        command = [sys.executable, "-c", program, *arguments]
        processes.append(subprocess.Popen(command, env=os.environ | own, stderr=subprocess.PIPE, text=True))
    try:
        for process in processes:
            _, words = process.communicate(timeout=300)
            assert process.returncode == 0, words
    finally:
        for process in processes:
            process.kill()


def short_of_memory(monkeypatch: pytest.MonkeyPatch, *, learning: bool, room: int) -> None:
    """Let losses (of training or of validation) need memory that `room` networks have."""
    original = Classification.loss

    def loss(self: Classification, outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.requires_grad == learning and len(targets) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return original(self, outputs, targets)

    monkeypatch.setattr(Classification, "loss", loss)


@pytest.mark.slow
def test_out_of_memory_says_what_fits(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, learning=True, room=5)
    with pytest.raises(ConfigurationError) as caught:
        train(configured(population, tmp_path / "run"))
    assert str(caught.value) == (
        "training: out of memory on cpu with 13 networks at a time, of which 4 fit; set training.accumulate "
        "to 4, which keeps steps of 16 networks, or data.batch_size to 4"
    )
    # And so it does.
    train(configured(population, tmp_path / "again", training__accumulate=4, training__epochs=1))


@pytest.mark.slow
def test_out_of_memory_for_one_network(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, learning=True, room=0)
    with pytest.raises(ConfigurationError, match="even one of them does not fit; use training"):
        train(configured(population, tmp_path / "run"))


@pytest.mark.slow
def test_out_of_memory_in_validation(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Classification.predict

    def predict(self: Classification, model: Any, batch: Any) -> Any:
        if not torch.is_grad_enabled() and len(batch) > 9:
            raise MemoryError
        return original(self, model, batch)

    monkeypatch.setattr(Classification, "predict", predict)
    with pytest.raises(ConfigurationError, match="18 networks at a time, of which 9 fit; set data"):
        train(configured(population, tmp_path / "run"))


def test_devices_that_are_not_there(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = configured(population, tmp_path / "run", training__accelerator="auto", training__devices=3)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert list(machine_errors(asked)) == [] and processes_of(asked.training) == 3
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"NVIDIA {number}")
    assert list(machine_errors(asked)) == [
        "training.devices is 3, but this machine has 2 GPUs (NVIDIA 0, NVIDIA 1); use 2 at most, or 0 for all"
    ]
    everything = configured(population, tmp_path / "run", training__accelerator="gpu", training__devices=0)
    assert processes_of(everything.training) == 2


def test_a_gpu_that_is_not_there(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    (problem,) = machine_errors(configured(population, tmp_path / "run", training__accelerator="gpu"))
    assert (
        problem == "training.accelerator is gpu, but PyTorch finds no GPU here, only the CPU; use cpu or auto"
    )


def test_more_processes_than_cores(population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert work_errors(configured(population, tmp_path / "run", training__devices=1000)) == [
        "training.devices is 1000, which makes as many processes on the CPU, but this machine has 4 "
        "processor cores; use 4 at most"
    ]
    assert work_errors(configured(population, tmp_path / "run", training__devices=4)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"training.accumulate": 14}, "on 1 device, which cuts batches in 14, but there are batches of 13"),
        ({"training.devices": 8, "training.accumulate": 2}, "on 8 devices, which cuts batches in 16"),
        ({"training.nodes": 19, "data.batch_size": 50}, "19 devices, but only 18 networks for validation"),
        ({"training.nodes": 2, "metanetwork": "feature_logistic"}, "feature_logistic is not learned step"),
    ],
)
def test_more_parts_than_networks(
    population: Path,
    tmp_path: Path,
    changes: dict[str, object],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    if "metanetwork" in changes:
        changes = {**changes}
        given = [one for one in options(population, tmp_path / "run", **changes) if "--model." not in one]
        config, problems = parse_config(given)
        assert config is not None and not problems
    else:
        config = configured(population, tmp_path / "run", **changes)
    assert any(problem in one for one in work_errors(config)), work_errors(config)


def test_processes_that_slurm_starts(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(population, tmp_path / "run", training__devices=2, training__nodes=2)
    assert slurm_tasks() is None and list(machine_errors(config)) == []
    for name, value in {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train"}.items():
        monkeypatch.setenv(name, value)
    assert slurm_tasks() == 4 and not is_first_process() and list(machine_errors(config)) == []
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "8")
    assert is_first_process()
    (problem,) = machine_errors(config)
    assert problem.startswith(
        "Slurm has 8 tasks for this command, but training.nodes is 2 and training.devices 2"
    )
    # In a shell of Slurm commands are started by hand.
    monkeypatch.setenv("SLURM_JOB_NAME", "bash")
    assert slurm_tasks() is None and list(machine_errors(config)) == []
