"""Tables of indices that a file holds, and that have become part of the program."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class FixedBuffer(Folding):
    """A buffer of integers or truth values, such as positions or relative ones: a constant of the program.

    What a network looks up is known only where its indices are.  Files of the same network have the same
    ones, or leave them out; what is written keeps them.

    Attributes:
        name: in the state dict.
        sha256: of shape and numbers.
    """

    name: str
    sha256: str

    @property
    def files(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def required(self) -> tuple[str, ...]:
        return ()

    @property
    def effective(self) -> tuple[str, ...]:
        return ()

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.name in tensors and digest_of(tensors[self.name]) != self.sha256:
            raise ProgramError(
                f"the buffer {self.name} differs from that of the network that was traced, expected the "
                "same, since its integers are part of the program; trace the network again with this state "
                "dict"
            )
        return {}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {}


def digest_of(value: Tensor) -> str:
    """The SHA-256 of shape and numbers of integers, however many bytes each has."""
    numbers = value.detach().cpu().to(torch.int64).contiguous().reshape(-1)
    return hashlib.sha256(
        repr(tuple(value.shape)).encode() + numbers.view(torch.uint8).numpy().tobytes()
    ).hexdigest()
