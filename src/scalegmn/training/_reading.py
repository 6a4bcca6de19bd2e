"""Reading the network of a foreign file: the one way that all commands take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from scalegmn.checkpoints import Checkpoint, read_state
from scalegmn.checkpoints.worker import shared_reader
from scalegmn.errors import CheckpointError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognized, Recognizer, Unrecognized, stored_parameters


@final
@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """What a user says about foreign files.

    Attributes:
        activation: of the hidden layers, where names and shapes leave it open.
        key: where the network lies in the file, if there are several; ``.`` is the top.
        max_bytes: files that are, or unpack to, more are refused.
    """

    activation: str | None = None
    key: str | None = None
    max_bytes: int = DEFAULT_MAX_BYTES


@final
@dataclass(frozen=True, eq=False)
class NetworkFile:
    """The network of a file.

    Attributes:
        path: of the file.
        state: everything that was read.
        architecture: what it was recognized as.
        names: of the parameters in the architecture, and in the file.
        theta: its parameters, ``(P,)``.
        notes: what had to be assumed.
        known: whether the architecture is one of the training set.
        recognized: what the recognizer said.
    """

    path: Path
    state: Checkpoint
    architecture: Architecture
    names: dict[str, str]
    theta: Tensor
    notes: tuple[str, ...]
    known: bool
    recognized: Recognized

    def stored(self, theta: Tensor) -> dict[str, Tensor]:
        """Other parameters ``(P,)`` in the place of its own, by name and as the file keeps them.

        Variances in place of deviations, kernels turned as there: what
        :func:`~scalegmn.checkpoints.write_like` takes.

        Raises:
            ProgramError: no file of this network says this.
        """
        return stored_parameters(self.state, self.recognized, theta)


def read_network(
    path: str | os.PathLike[str],
    recognizer: Recognizer,
    *,
    options: ReadingOptions,
    dtype: torch.dtype | None = None,
) -> NetworkFile:
    """Read a file in a worker process and recognize its network; nothing in it is executed.

    Args:
        path: of the file.
        recognizer: knows the architectures.
        options: what the user says.
        dtype: of the parameters; None leaves them as they are.

    Raises:
        CheckpointError: the file cannot be read, or no single architecture fits.
        ConfigurationError: the options name no activation.
    """
    state = read_state(
        path, dtype=dtype, key=options.key, max_bytes=options.max_bytes, reader=shared_reader()
    )
    found = recognizer.recognize(state, activation=options.activation)
    if isinstance(found, Unrecognized):
        raise CheckpointError(f"{os.fspath(path)}: {found.reason}")
    theta = found.architecture.flatten(found.tensors, origin=os.fspath(path))
    return _file(Path(path), state, found, theta)


def _file(path: Path, state: Checkpoint, found: Recognized, theta: Tensor) -> NetworkFile:
    return NetworkFile(
        path, state, found.architecture, found.names, theta, (*state.notes, *found.notes), found.known, found
    )
