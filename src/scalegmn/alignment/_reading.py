"""Files as networks of one architecture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, final

import torch

from scalegmn.checkpoints import DEFAULT_MAX_BYTES, Checkpoint, FileReader, read_state
from scalegmn.checkpoints.worker import shared_reader
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognized, Recognizer, RequestedActivations, Unrecognized
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.onnx import load_onnx

from ._parting import parting_of, parting_of_states
from ._saved import SavedCheckpoint, SavedNetwork, SavedOnnx, coarsest

_ONNX: Final = ".onnx"


@final
@dataclass(frozen=True, kw_only=True)
class SavedReader:
    """How files are read that are to be networks of one architecture.

    Nothing in a file runs.  Numbers stay as they are: what is float64 in a file is float64 here.

    Attributes:
        architectures: what the files hold; none where files say it themselves, or where names, shapes and
            the activation tell.
        activation: of the hidden layers, where names and shapes leave it open, such as ``relu``.
        key: where the network lies in files that hold several; ``.`` is the top.
        max_bytes: files that are, or unpack to, more are refused.
        sizes: of axes that ONNX files leave open, by their symbols.
        external_data: whether weights of ONNX files may lie in other files of their folders.

    Raises:
        ConfigurationError: `activation` names none.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment import SavedReader
        >>> from scalegmn.checkpoints import write_state
        >>> network = mlp(widths=(2, 8, 1), activations=[Activation("relu")])
        >>> files = [f"{tempfile.mkdtemp()}/{number}.pt" for number in range(2)]
        >>> for file in files:
        ...     write_state(file, network.unflatten(torch.randn(network.num_parameters)))
        >>> first, second = SavedReader(activation="relu").read_all(files)
        >>> first.architecture == second.architecture, second.theta.dtype, second.dtype
        (True, torch.float64, torch.float32)
    """

    architectures: tuple[Architecture, ...] = ()
    activation: str | None = None
    key: str | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    sizes: Mapping[str, int] = field(default_factory=dict)
    external_data: bool = False

    def __post_init__(self) -> None:
        if self.activation is not None:
            RequestedActivations.parse(self.activation)

    def read_all(self, paths: Sequence[str | os.PathLike[str]]) -> tuple[SavedNetwork, ...]:
        """The networks of some files, all of the architecture of the first.

        Args:
            paths: of the files, one at least.

        Raises:
            CheckpointError: a file cannot be read, or holds another network; says where they part.
        """
        if not paths:
            raise ConfigurationError("no files are given, expected at least one")
        first = self.read(paths[0])
        return (first, *(self.read(path, like=first) for path in paths[1:]))

    def read(
        self,
        path: str | os.PathLike[str],
        *,
        like: SavedNetwork | None = None,
        reader: FileReader | None = None,
    ) -> SavedNetwork:
        """The network of a file.

        Args:
            path: of the file.
            like: a network whose architecture it must have.
            reader: reads the file; by default a confined process.

        Raises:
            CheckpointError: it cannot be read, is not certain, or has another architecture.
            ConfigurationError: an option does not fit the kind of file.
        """
        path = Path(path)
        if path.suffix.lower() == _ONNX:
            return self._of_onnx(path, like)
        return self._of_checkpoint(path, like, reader or shared_reader())

    def _of_onnx(self, path: Path, like: SavedNetwork | None) -> SavedNetwork:
        said = {"an architecture": self.architectures, "an activation": self.activation, "a key": self.key}
        for what, value in said.items():
            if value:
                raise ConfigurationError(
                    f"{path}: {what} is given for an ONNX file, which says itself what it holds; leave it out"
                )
        network = load_onnx(
            path, sizes=self.sizes, external_data=self.external_data, max_bytes=self.max_bytes
        )
        architecture: Architecture = ProgramArchitecture(network.program)
        if like is not None:
            parts = parting_of(like.architecture, architecture)
            if parts is not None:
                raise _other(path, like, parts)
            # Paths of modules may differ; what is computed does not.
            architecture = like.architecture
        exact = {
            name: value.double() if value.is_floating_point() else value
            for name, value in network.state.items()
        }
        return SavedOnnx(
            path=path,
            architecture=architecture,
            theta=architecture.read_state(exact, origin=str(path)),
            dtype=coarsest(one.dtype for one in network.state.values() if one.is_floating_point()),
            network=network,
        )

    def _of_checkpoint(self, path: Path, like: SavedNetwork | None, reader: FileReader) -> SavedNetwork:
        state = read_state(path, dtype=torch.float64, key=self.key, max_bytes=self.max_bytes, reader=reader)
        known = self.architectures if like is None else (like.architecture,)
        found = _recognizer(known).recognize(state, activation=self.activation)
        if isinstance(found, Unrecognized):
            parts = None if like is None else self._parting(state, like)
            if like is None or parts is None:
                raise CheckpointError(f"{path}: {found.reason}")
            raise _other(path, like, parts)
        notes = (*state.notes, *found.notes)
        if state.unread:
            notes = (
                *notes,
                "numbers in the file that belong to no network, or to another one, were not read",
            )
        return SavedCheckpoint(
            path=path,
            architecture=found.architecture,
            theta=found.architecture.flatten(found.tensors, origin=str(path)),
            dtype=coarsest(state.original_dtypes.values()),
            notes=notes,
            state=state,
            found=found,
        )

    def _parting(self, state: Checkpoint, like: SavedNetwork) -> str | None:
        """Where the tensors of a file part from another network, or what they are recognized as does."""
        found = parting_of_states(like.tensors, state.tensors)
        if found is not None:
            return found
        own = _recognizer(self.architectures).recognize(state, activation=self.activation)
        return parting_of(like.architecture, own.architecture) if isinstance(own, Recognized) else None


@lru_cache(maxsize=16)
def _recognizer(architectures: tuple[Architecture, ...]) -> Recognizer:
    """For many files: what is known of architectures is sorted once."""
    return Recognizer(architectures, beyond=not architectures)


def _other(path: Path, like: SavedNetwork, parts: str) -> CheckpointError:
    return CheckpointError(
        f"{path}: holds a network of another architecture than {like.path}: {parts}; expected the same one, "
        "since symmetries join networks of one architecture only"
    )
