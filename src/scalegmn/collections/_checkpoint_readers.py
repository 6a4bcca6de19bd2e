"""From single checkpoint files to networks: in confined processes here, or on the machines of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, final

import torch
from torch import Tensor

from scalegmn.checkpoints import FileReader, read_state
from scalegmn.checkpoints.worker import Reader, shared_reader
from scalegmn.collections._batches import portions
from scalegmn.collections._collection import CollectionFile, RefusedFile
from scalegmn.errors import CheckpointError, ScaleGMNError
from scalegmn.networks import Architecture, Conv, Pool
from scalegmn.networks.recognition import DESCRIPTION, Recognizer, RequestedActivations, Unrecognized
from scalegmn.workers import Report, Work, open_executor, require_folder

MAX_BYTES: Final = 2**30


@final
@dataclass(frozen=True)
class NetworkReader:
    """How the network of a file is read.

    Attributes:
        architectures: what the files hold; empty where files say it themselves (as exported ones do), or
            where names, shapes and the activation tell.
        activation: of the hidden layers, where names and shapes leave it open.
        key: where the network lies in files that hold several; ``.`` is the top.
        max_bytes: files that are, or unpack to, more are refused.

    Raises:
        ConfigurationError: `activation` names none.
    """

    architectures: tuple[Architecture, ...] = ()
    activation: str | None = None
    key: str | None = None
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if self.activation is not None:
            RequestedActivations.parse(self.activation)

    def read(self, path: Path, *, files: FileReader) -> tuple[Architecture, Tensor, tuple[str, ...]]:
        """Architecture, parameters ``(P,)``, and notes.

        Args:
            path: of the file.
            files: reads it.

        Raises:
            CheckpointError: the file cannot be read, or its architecture is not certain.
        """
        state = read_state(path, key=self.key, max_bytes=self.max_bytes, reader=files)
        recognizer = Recognizer(self.architectures, beyond=not self.architectures)
        found = recognizer.recognize(state, activation=self.activation)
        if isinstance(found, Unrecognized):
            raise CheckpointError(f"{path}: {found.reason}")
        theta = found.architecture.flatten(found.tensors, origin=str(path))
        notes = (*state.notes, *found.notes)
        if state.unread:
            notes = (
                *notes,
                "numbers in the file that belong to no network, or to another one, were not read",
            )
        if not self.architectures and DESCRIPTION not in state.extras:
            notes = (*notes, *_assumed(found.architecture))
        if theta.dtype == torch.float64:
            theta, exact = theta.float(), theta
            if not torch.isfinite(theta).all():
                raise CheckpointError(f"{path}: holds values that are too large for single precision")
            if not torch.equal(theta.double(), exact):
                notes = (*notes, "rounded from double to single precision")
        return found.architecture, theta, notes


def _assumed(architecture: Architecture) -> tuple[str, ...]:
    """What names and shapes of a convolutional network do not show, and was taken as usual."""
    layered = architecture.as_layers
    layers = () if layered is None else layered.layers
    convolutions = [layer for layer in layers if isinstance(layer, Conv)]
    if not convolutions:
        return ()
    strides, paddings = (
        {getattr(layer, name)[0] for layer in convolutions} for name in ("stride", "padding")
    )
    pools = [layer for layer in layers if isinstance(layer, Pool)]
    how = ", ".join(f"{'global ' if pool.size is None else ''}{pool.kind} pooling" for pool in pools)
    return (
        f"assumed stride {_listed(strides)}, padding {_listed(paddings)} and {how or 'no pooling'}, which no "
        "file says; describe other networks with --architecture",
    )


def _listed(numbers: Collection[int]) -> str:
    return " and ".join(map(str, sorted(numbers)))


@final
class TableNetwork(NamedTuple):
    """The network of one row of the table.

    Attributes:
        row: its number.
        architecture: of the network.
        theta: parameters ``(P,)``.
        notes: on how the file was read.
    """

    row: int
    architecture: Architecture
    theta: Tensor
    notes: tuple[str, ...]


ReadFiles = Callable[[Sequence[CollectionFile]], Iterator[TableNetwork | RefusedFile]]
"""Gives what every file holds, in order."""


@contextmanager
def checkpoint_readers(
    reader: NetworkReader, *, source: Path, workers: int | None, cluster: str | None
) -> Iterator[ReadFiles]:
    """A function that reads many files, several at a time.

    Args:
        reader: how files are read.
        source: the folder that they are in.
        workers: files that are read at a time.
        cluster: address of a Ray cluster that does it; None for processes of this machine.
    """
    if cluster is None:
        with Reader(workers=workers) as files:
            yield lambda entries: _read_here(reader, files, entries)
        return
    work = CheckpointWork(source, reader)
    with open_executor(cluster=cluster, workers=workers) as executor:
        yield lambda entries: (
            found
            for (results,) in executor.run(work, ([portion] for portion in portions(entries)))
            for found in results
        )


@final
@dataclass(frozen=True)
class CheckpointWork(Work[Sequence[CollectionFile], list[TableNetwork | RefusedFile]]):
    """Reading the files of one portion after the other, in a confined process.

    Attributes:
        source: the folder that they are in.
        reader: how they are read.
    """

    source: Path
    reader: NetworkReader

    def do(self, piece: Sequence[CollectionFile], report: Report) -> list[TableNetwork | RefusedFile]:
        require_folder(self.source)
        return [_read(self.reader, shared_reader(), entry) for entry in piece]

    def size(self, piece: Sequence[CollectionFile]) -> float:
        return float(len(piece))


def _read(reader: NetworkReader, files: FileReader, entry: CollectionFile) -> TableNetwork | RefusedFile:
    try:
        return TableNetwork(int(entry.columns["row"]), *reader.read(entry.path, files=files))
    except (ScaleGMNError, OSError) as error:
        return RefusedFile(entry.name, str(error))


def _read_here(
    reader: NetworkReader, files: Reader, entries: Sequence[CollectionFile]
) -> Iterator[TableNetwork | RefusedFile]:
    """What every file holds, in order; as many are read at a time as there are workers."""
    threads = ThreadPoolExecutor(files.workers)
    try:
        yield from threads.map(lambda entry: _read(reader, files, entry), entries)
    finally:
        threads.shutdown(cancel_futures=True)
