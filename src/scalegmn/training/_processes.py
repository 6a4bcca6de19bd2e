"""Which of several processes this is, when a training runs on several devices, and how these are started."""

from __future__ import annotations

import os
from typing import Final

import torch

_SHELLS: Final = ("bash", "interactive")


def is_first_process() -> bool:
    """Whether this process writes files and speaks.

    Lightning starts the others with the same command line, or ``srun`` and ``torchrun`` start all of them;
    the environment tells them apart.
    """
    names = ["RANK", "LOCAL_RANK", "NODE_RANK", *(["SLURM_PROCID"] if slurm_tasks() else [])]
    return all(int(os.environ.get(name, "0")) == 0 for name in names)


def slurm_tasks() -> int | None:
    """How many processes ``srun`` has started of this command; None where it has not.

    In an interactive job, whose name Slurm takes from the shell, commands are started by hand.
    """
    if os.environ.get("SLURM_JOB_NAME") in _SHELLS or "SLURM_PROCID" not in os.environ:
        return None
    return int(os.environ.get("SLURM_NTASKS", "0")) or None


def world() -> tuple[int, int]:
    """Number of processes, and the number of this one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size(), torch.distributed.get_rank()
    return 1, 0
