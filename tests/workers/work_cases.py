"""Work for tests, in a module that processes of a cluster can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from scalegmn.errors import PopulationError
from scalegmn.workers import Report, Work


@dataclass(frozen=True)
class Square(Work[int, int]):
    """Squares of numbers; 13 is refused."""

    def do(self, piece: int, report: Report) -> int:
        report(0.5)
        if piece == 13:
            raise PopulationError("13 is unlucky")
        report(0.5)
        return piece**2

    def size(self, piece: int) -> float:
        return 2


@dataclass(frozen=True)
class Threads(Work[int, tuple[int, int]]):
    """Threads of PyTorch, and the process."""

    def do(self, piece: int, report: Report) -> tuple[int, int]:
        return torch.get_num_threads(), os.getpid()

    def size(self, piece: int) -> float:
        return 1


@dataclass(frozen=True)
class Mortal(Work[int, int]):
    """The first process that does piece 0 dies of it; with `always`, each one does."""

    folder: Path
    always: bool = False

    def do(self, piece: int, report: Report) -> int:
        trace = self.folder / "died"
        if piece == 0 and (self.always or not trace.exists()):
            trace.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    def size(self, piece: int) -> float:
        return 1


@dataclass(frozen=True)
class Slow(Work[int, int]):
    """Piece 0 takes long where it is done first, and all others are quick."""

    folder: Path
    seconds: float

    def do(self, piece: int, report: Report) -> int:
        try:
            (self.folder / f"piece-{piece}").mkdir()
        except FileExistsError:
            return piece
        time.sleep(self.seconds if piece == 0 else 0.05)
        return piece

    def size(self, piece: int) -> float:
        return 1
