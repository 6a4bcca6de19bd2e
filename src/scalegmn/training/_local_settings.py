"""What a training changes in the process, and gives back."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import warnings
from collections.abc import Iterator

import torch

from scalegmn.training._config import RunConfig
from scalegmn.training._memory import kept_memory


@contextlib.contextmanager
def local_settings(config: RunConfig) -> Iterator[None]:
    """Give back what a training changes in the process: random numbers, threads, memory, warnings."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    threads = torch.get_num_threads()
    # Lightning's remarks on the machine and its makers' other products.
    remarks = logging.getLogger("lightning.pytorch")
    level = remarks.level
    remarks.setLevel(logging.WARNING)
    # Lightning turns interruptions off for good when it has seen one.
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    with kept_memory(), torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        # Batches are made by indexing memory: processes for it would cost more than they save.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # A run folder that is resumed holds checkpoints, of course.
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        # Few networks make few steps.
        warnings.filterwarnings("ignore", message=".*is smaller than the logging interval.*")
        # torchmetrics has gathered the numbers of all processes already.
        warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
        # Lightning's own use of PyTorch.
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        if config.training.threads is not None:
            torch.set_num_threads(config.training.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            remarks.setLevel(level)
            if handler is not None:
                signal.signal(signal.SIGINT, handler)
