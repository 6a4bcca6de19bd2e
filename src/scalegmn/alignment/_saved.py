"""Networks of files as values that can be written back."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints import Checkpoint, write_like
from scalegmn.errors import CheckpointError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognized, stored_parameters
from scalegmn.programs.onnx import OnnxNetwork
from scalegmn.shapes import Parameters


@dataclass(frozen=True, eq=False, kw_only=True)
class SavedNetwork(ABC):
    """The network of a file.

    Attributes:
        path: of the file.
        architecture: what it was recognized as.
        theta: its parameters, ``(P,)`` float64: exactly those of the file, or computed from them in float64.
        dtype: the coarsest kind of number that the file keeps parameters in.
        notes: what had to be assumed, a sentence each.
    """

    path: Path
    architecture: Architecture
    theta: Parameters
    dtype: torch.dtype
    notes: tuple[str, ...] = ()

    @property
    @abstractmethod
    def tensors(self) -> Mapping[str, Tensor]:
        """The tensors of the file by their names there."""

    def check_target(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Refuse what :meth:`write` would refuse, before any work is done.

        Raises:
            CheckpointError: the file exists, or its suffix is that of another format.
        """
        target = Path(path)
        if target.exists() and not overwrite:
            raise CheckpointError(f"{target}: exists and was left alone; choose another name")
        if target.suffix.lower() != self.path.suffix.lower():
            raise CheckpointError(
                f"{target}: the network is written in the format of {self.path.name}, expected a name that "
                f"ends with {self.path.suffix or 'no suffix'}; choose such a name"
            )

    @abstractmethod
    def write(self, path: str | os.PathLike[str], theta: Parameters, *, overwrite: bool = False) -> None:
        """Write other parameters in the place of these: the format, names and precision of the file stay.

        Args:
            path: of the new file.
            theta: parameters of this architecture, ``(P,)``.
            overwrite: whether a file that is there is replaced.

        Raises:
            CheckpointError: the file exists, or cannot hold these parameters.
            ProgramError: no file of this network says this.
        """


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class SavedCheckpoint(SavedNetwork):
    """The network of a checkpoint file.

    Attributes:
        state: everything that was read, in float64.
        found: what its tensors were recognized as.
    """

    state: Checkpoint
    found: Recognized

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        return self.state.tensors

    def write(self, path: str | os.PathLike[str], theta: Parameters, *, overwrite: bool = False) -> None:
        self.check_target(path, overwrite=overwrite)
        kept = stored_parameters(self.state, self.found, theta.double())
        write_like(path, self.state, kept, overwrite=overwrite)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class SavedOnnx(SavedNetwork):
    """The network of an ONNX file.

    Attributes:
        network: everything that was read.
    """

    network: OnnxNetwork

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        return self.network.state

    def write(self, path: str | os.PathLike[str], theta: Parameters, *, overwrite: bool = False) -> None:
        self.check_target(path, overwrite=overwrite)
        self.network.write(path, self.architecture.write_state(theta, like=self.network.state))


def coarsest(dtypes: Iterable[torch.dtype]) -> torch.dtype:
    """The least precise of some kinds of numbers; float64 of none."""
    return max(dtypes, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float64)
