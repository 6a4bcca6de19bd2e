"""What comes of recognizing a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.networks import Architecture


@final
@dataclass(frozen=True, eq=False)
class Recognized:
    """A network whose architecture is certain.

    Attributes:
        architecture: which one.
        names: of the parameters in the architecture, and in the file.
        tensors: the parameters under the names of the architecture.
        notes: what had to be assumed.
        known: whether the architecture is one of those that were given.
    """

    architecture: Architecture
    names: dict[str, str]
    tensors: dict[str, Tensor]
    notes: tuple[str, ...]
    known: bool = True


@final
@dataclass(frozen=True)
class Unrecognized:
    """Why no single architecture fits, in one sentence."""

    reason: str


@final
@dataclass(frozen=True, eq=False)
class Match:
    """An architecture that the names and shapes of a file fit.

    Attributes:
        architecture: the candidate.
        names: of its parameters, and in the file; only those that are in both, where it reads files its own
            way.
        tensors: its parameters, where it reads files its own way.
    """

    architecture: Architecture
    names: dict[str, str]
    tensors: dict[str, Tensor] | None = None
