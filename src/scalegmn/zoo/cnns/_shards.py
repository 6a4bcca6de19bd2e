"""Training pieces of a population side by side, and writing what came out as shards.

What the makers of convolutional networks have in common, whatever they train.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar, final, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from scalegmn.disk import sentence_of
from scalegmn.errors import ConfigurationError, DiskError, PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations import ArchitectureGroup, PopulationWriter


class Row(NamedTuple):
    """One stored network: its parameters ``(P,)`` and what the table says about it."""

    architecture: Architecture
    theta: Tensor
    columns: dict[str, object]


@runtime_checkable
class Piece(Protocol):
    """Networks that are trained together."""

    @property
    def networks(self) -> tuple[int, ...]:
        """Their numbers."""


_Piece = TypeVar("_Piece", bound=Piece)
Work = Callable[[_Piece, Callable[[float], None]], list[Row]]
"""Trains a piece; its second argument is told what part was done since the last call, and may raise."""


def thread_count(workers: int | None, device: torch.device) -> int:
    """Pieces to train at a time: as stated, or PyTorch's number of threads on a CPU, otherwise 1.

    Raises:
        ConfigurationError: not a positive number.
    """
    count = workers if workers is not None else (torch.get_num_threads() if device.type == "cpu" else 1)
    if count < 1:
        raise ConfigurationError(f"workers is {workers}, expected 1 or more")
    return count


@final
class Workers(Generic[_Piece]):
    """Threads that train pieces; PyTorch runs on one core in each, without waiting for the others.

    Args:
        work: trains a piece.
        count: threads.
        device: where the training happens.
        advance: is told how many networks were done since the last call; fractions occur.
    """

    def __init__(
        self, work: Work[_Piece], *, count: int, device: torch.device, advance: Callable[[float], None]
    ) -> None:
        self._work = work
        self._advance = advance
        self._stop = threading.Event()
        self._alone = device.type == "cpu"
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(count, initializer=self._start)

    def _start(self) -> None:
        if self._alone:
            torch.set_num_threads(1)

    def __enter__(self) -> Workers[_Piece]:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
        if self._alone:
            # The setting of a thread is also what threads to come begin with.
            torch.set_num_threads(self._threads)

    def do(self, pieces: Sequence[_Piece], *, order: str) -> list[Row]:
        """The rows of all pieces in the order of a column; rows with the same value stay in order."""
        done = [row for rows in self._pool.map(self._do, pieces) for row in rows]
        return sorted(done, key=lambda row: row.columns[order])  # type: ignore[arg-type, return-value]

    def _do(self, piece: _Piece) -> list[Row]:
        def report(part: float) -> None:
            if self._stop.is_set():
                raise InterruptedError("the training was stopped")
            self._advance(len(piece.networks) * part)

        return self._work(piece, report)


def append_rows(writer: PopulationWriter, rows: Sequence[Row], *, notes: object) -> None:
    """Write rows as one shard, architecture by architecture in the order in which these appear.

    Raises:
        PopulationError: what :meth:`PopulationWriter.append_groups` raises, or writing failed.
    """
    alike: dict[Architecture, list[Row]] = {}
    for row in rows:
        alike.setdefault(row.architecture, []).append(row)
    groups = [
        ArchitectureGroup(architecture, torch.stack([row.theta for row in own]), _table(own))
        for architecture, own in alike.items()
    ]
    with explain_disk_errors(writer.folder):
        writer.append_groups(groups, notes=notes)


@contextlib.contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """What a full disk looks like to the user: nothing that was written before is lost."""
    try:
        yield
    except (OSError, DiskError) as error:
        reason = sentence_of(error, path=folder, action="written") if isinstance(error, OSError) else error
        raise PopulationError(
            f"{reason}. What was written before is safe: make room, and resume with the same settings "
            "(--resume)"
        ) from error


def _table(rows: list[Row]) -> dict[str, np.ndarray | list[object]]:
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    return {
        name: values if isinstance(values[0], str) else np.array(values) for name, values in columns.items()
    }
