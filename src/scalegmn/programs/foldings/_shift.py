"""Parameters that a network reads only after a constant was added to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding


@final
@dataclass(frozen=True, kw_only=True)
class ShiftedParameter(Folding):
    """``w + c``, as some RMS norms have it: the file holds ``w``, near 0, and the network uses ``1 + w``.

    Attributes:
        name: of ``w``, and of the sum.
        constant: ``c``.
    """

    name: str
    constant: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.constant):
            raise ProgramError(
                f"the constant {self.constant} that is added to {self.name} is not finite, expected a "
                "number, since it is taken off again; write the program anew with save_program"
            )

    @property
    def files(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def effective(self) -> tuple[str, ...]:
        return (self.name,)

    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self.name: tensors[self.name] + self.constant}

    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {self.name: tensors[self.name] - self.constant}
