"""A network whose relatives are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from scalegmn.alignment import narrowed
from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters


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

    def narrowed(self) -> LineageNetwork:
        """Without neurons that are unread or split, where it is a list of layers; itself otherwise."""
        layers = self.architecture.as_layers
        if layers is None:
            return self
        architecture, theta = narrowed(layers, self.theta)
        return LineageNetwork(architecture=architecture, theta=theta, dtype=self.dtype)
