"""A network whose relatives are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch

from scalegmn.alignment.rewriting import reduce
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters

_MOST: Final = 0.5
"""Share of the parameters; those that were computed from others of the file need not fit."""

_TWINS: Final = 5e-3
"""Relative difference of neurons that count as one; rounding to bfloat16 makes less."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class LineageNetwork:
    """A network whose relatives are looked for.

    Attributes:
        architecture: of any kind.
        theta: its parameters, ``(P,)``.
        dtype: the coarsest kind of number that they were kept in.
    """

    architecture: Architecture
    theta: Parameters
    dtype: torch.dtype

    @property
    def kept_in(self) -> torch.dtype:
        """The coarsest kind of number that most parameters fit, whatever the file keeps them in."""
        numbers = self.theta[self.theta != 0]
        for kind in (torch.bfloat16, torch.float16):
            if not len(numbers) or torch.finfo(kind).eps <= torch.finfo(self.dtype).eps:
                continue
            if float((numbers == numbers.to(kind).to(numbers.dtype)).double().mean()) > _MOST:
                return kind
        return self.dtype

    def narrowed(self) -> LineageNetwork:
        """Without neurons that are unread or split, where it is a list of layers; itself otherwise."""
        if self.architecture.as_layers is None:
            return self
        architecture, theta = reduce(self.architecture, self.theta, tolerance=_TWINS)
        return LineageNetwork(architecture=architecture, theta=theta, dtype=self.kept_in)
