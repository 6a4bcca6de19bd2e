"""The devices of this machine, and what of a configuration they do not fit."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import torch

from scalegmn.training._config import Accelerator, LoggingConfig, Precision, RunConfig, TrainingConfig
from scalegmn.training._processes import slurm_tasks


def processes_of(training: TrainingConfig) -> int:
    """How many processes train together, on all machines, one for each device."""
    return training.nodes * (training.devices or (max(1, len(gpu_names())) if on_gpu(training) else 1))


def on_gpu(training: TrainingConfig) -> bool:
    """Whether a training runs on GPUs."""
    return training.accelerator is not Accelerator.cpu and bool(gpu_names())


def gpu_names() -> list[str]:
    """The GPUs of this machine that PyTorch can use."""
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ["Apple's"] if torch.backends.mps.is_available() else []


def machine_errors(config: RunConfig) -> Iterator[str]:
    """What this machine cannot do."""
    training, gpus = config.training, gpu_names()
    if training.accelerator is Accelerator.gpu and not gpus:
        yield "training.accelerator is gpu, but PyTorch finds no GPU here, only the CPU; use cpu or auto"
    if training.precision is Precision.fp16_mixed and not on_gpu(training):
        yield "training.precision is fp16_mixed, which needs a GPU; use bf16_mixed or single"
    missing = missing_devices(training)
    if missing is not None:
        yield missing
    yield from _of_slurm(training)
    yield from _of_wandb(config.logging)
    if config.logging.tensorboard and importlib.util.find_spec("tensorboard") is None:
        yield "logging.tensorboard is on, but not installed; pip install tensorboard, or turn it off"


def missing_devices(training: TrainingConfig) -> str | None:
    """What to say where this machine has fewer devices than a training wants; None where it has them."""
    gpus, cores, wanted = gpu_names(), os.cpu_count() or 1, f"training.devices is {training.devices}"
    if on_gpu(training) and training.devices > len(gpus):
        return (
            f"{wanted}, but this machine has {_count(gpus)} ({', '.join(gpus)}); use {len(gpus)} at most, or "
            "0 for all"
        )
    if not on_gpu(training) and training.devices > cores:
        return (
            f"{wanted}, which makes as many processes on the CPU, but this machine has {cores} processor "
            f"core{'s' * (cores > 1)}; use {cores} at most"
        )
    return None


def _of_wandb(logging: LoggingConfig) -> Iterator[str]:
    if not logging.wandb:
        return
    if importlib.util.find_spec("wandb") is None:
        yield "logging.wandb is on, but wandb is not installed; pip install wandb, or turn it off"
    elif not logging.wandb_offline:
        import wandb

        try:
            # Asks for the key on a terminal, where there is none.
            wandb.login()
        except wandb.errors.Error as error:
            yield (
                f"logging.wandb is on, but Weights & Biases says {str(error)!r}; log in, set "
                "logging.wandb_offline, which sends nothing, or turn it off"
            )


def _of_slurm(training: TrainingConfig) -> Iterator[str]:
    """Whether Slurm starts as many processes as will wait for each other."""
    tasks, wanted = slurm_tasks(), processes_of(training)
    if tasks is not None and tasks != wanted:
        yield (
            f"Slurm has {tasks} tasks for this command, but training.nodes is {training.nodes} and "
            f"training.devices {training.devices}, which makes {wanted} processes; start it by srun with one "
            "task for each device of each machine (--nodes, --ntasks-per-node)"
        )


def _count(gpus: list[str]) -> str:
    return "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
