"""One tensor under several names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class Tied(Folding):
    """A parameter that is the same tensor in several places, such as an embedding and the last layer.

    Files may hold it under all its names, or leave some out.

    Attributes:
        name: of the effective parameter, and its first name in the state dict.
        others: its other names.
    """

    name: str
    others: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return (self.name, *self.others)

    @property
    def required(self) -> tuple[str, ...]:
        return ()

    @property
    def effective(self) -> tuple[str, ...]:
        return (self.name,)

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        there = [name for name in self.files if name in tensors]
        if not there:
            raise ProgramError(
                f"the state dict lacks {self.name}, under this name and its others, expected all parameters "
                "of the network that was traced; give the state dict of that network"
            )
        for name in there[1:]:
            if not torch.equal(tensors[name], tensors[there[0]]):
                raise ProgramError(
                    f"{there[0]} and {name} differ in the state dict, expected the same tensor, as in the "
                    "network that was traced; trace the network again with parameters that are not shared"
                )
        return {self.name: tensors[there[0]]}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict.fromkeys(self.files, tensors[self.name])
