"""The executor that a caller asked for."""

from __future__ import annotations

import torch

from scalegmn.workers._cluster import RayCluster
from scalegmn.workers._devices import device_of_work
from scalegmn.workers._executor import Executor
from scalegmn.workers._threads import LocalThreads, thread_count


def open_executor(
    *, cluster: str | None = None, workers: int | None = None, device: str | torch.device = "cpu"
) -> Executor:
    """Threads of this process, or a cluster; to be used as a context manager.

    Args:
        cluster: address of a Ray cluster, such as ``10.0.0.1:6379`` or ``ray://10.0.0.1:10001``; ``auto`` for
            the one that this machine belongs to, ``local`` for one that is started here and ends with the
            work.  None for threads.
        workers: pieces at a time.  By default PyTorch's number of threads on a CPU and otherwise 1; of a
            cluster, as many as it has processors, or devices.
        device: where pieces compute.

    Raises:
        ConfigurationError: `workers` is not positive, the address is none, or there is no such device.
    """
    device = device_of_work(device, cluster=cluster)
    count = thread_count(workers, device)
    if cluster is None:
        return LocalThreads(count=count, device=device)
    return RayCluster(cluster, workers=workers, device=device)
