"""Which of several processes this is, when a training runs on several devices."""

from __future__ import annotations

import os

import torch


def is_first_process() -> bool:
    """Whether this process writes files and speaks.

    Lightning starts the others with the same command line and tells them apart by the environment.
    """
    return all(int(os.environ.get(name, "0")) == 0 for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def world() -> tuple[int, int]:
    """Number of processes, and the number of this one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size(), torch.distributed.get_rank()
    return 1, 0
