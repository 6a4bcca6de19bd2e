"""Work for other processes, which find it by the name of this module."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import torch


def note(path: Path, name: str) -> tuple[str, str] | None:
    """Write down who does it and with how many threads; only b goes wrong."""
    (path / name).write_text(f"{os.getpid()} {torch.get_num_threads()}")
    return ("no", "details") if name == "b" else None


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def linger(path: Path) -> None:
    (path / "pid").write_text(str(os.getpid()))
    time.sleep(600)


def lead(path: Path) -> None:
    """Start a process that lingers, and die as soon as it does."""
    from scalegmn.comparison._parallel import ParallelJob, run_side_by_side

    def wait_and_die() -> None:
        while not (path / "pid").exists():
            time.sleep(0.05)
        die()

    threading.Thread(target=wait_and_die).start()
    list(run_side_by_side([ParallelJob("linger", linger, (path,))], jobs=2))
