"""Gains that are moved between maps and norms."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.alignment import program_in
from scalegmn.errors import ArchitectureError
from scalegmn.networks import Architecture
from scalegmn.programs import ProgramArchitecture
from scalegmn.symmetry import ProgramTransformation, group_of_program
from scalegmn.symmetry.discovery import GroupElement

from ._kind import RewritingKind
from ._rewriting import Rewriting


@final
class MovedGains(RewritingKind):
    """The gain of every channel is moved between a norm and the maps beside it.

    A restriction of the group of a program: of its free scales, those that move a gain or a statistic of a
    norm.
    """

    def refusal(self, architecture: Architecture) -> str | None:
        program = program_in(architecture)
        if program is None or not bool(_free(ProgramArchitecture(program)).any()):
            return "it has no norms whose gains could be moved"
        return None

    def apply(
        self,
        architecture: Architecture,
        theta: Tensor,
        *,
        rewriting: Rewriting,
        generator: torch.Generator,
    ) -> tuple[Architecture, Tensor]:
        program = program_in(architecture)
        if program is None:
            raise ArchitectureError(f"{architecture.describe()} has no norms, expected a program")
        network = ProgramArchitecture(program)
        free = _free(network)
        drawn = 2 * torch.rand(len(free), generator=generator, dtype=torch.float64) - 1
        exponents = group_of_program(network).scales.evaluate(math.log(rewriting.spread) * drawn * free)
        element = GroupElement(factors={name: values.exp() for name, values in exponents.items()})
        return architecture, ProgramTransformation(network, element).apply(theta[None])[0]


def _free(architecture: ProgramArchitecture) -> Tensor:
    """Which free scales move a vector that is no bias: a gain, or a statistic."""
    statistics = [one.name for one in architecture.program.parameters if one.buffer]
    gains = [one.weight.name for one in architecture.weighted if len(one.weight.shape) == 1]
    return group_of_program(architecture).scales.moving([*statistics, *gains])


GAINS: Final = MovedGains()
