"""Any architecture as a program whose parameters have the same names."""

from __future__ import annotations

from functools import singledispatch
from typing import Final

import torch

from scalegmn.errors import ArchitectureError, ScaleGMNError, SymmetryError
from scalegmn.networks import Architecture, Conv, Flatten, LayeredArchitecture
from scalegmn.networks.modules import build_module
from scalegmn.programs import ProgramArchitecture

_SIDES: Final = (32, 64, 128, *range(1, 32), *range(33, 64))
"""Heights and widths of images that are tried for networks that do not say what they read."""


@singledispatch
def program_of(architecture: Architecture, *, shape: tuple[int, ...] | None = None) -> ProgramArchitecture:
    """The architecture as a program, with the same parameters by name.

    A new kind of architectures registers its own.

    Args:
        architecture: of any kind.
        shape: of one example that it is asked about; any that it reads if it is left out.

    Raises:
        ArchitectureError: it reads no examples of this shape.
        SymmetryError: nothing is known of architectures of this kind.
        ProgramError: it cannot be traced.
    """
    raise SymmetryError(
        f"networks of the kind {type(architecture).__name__} cannot be aligned, expected a list of layers or "
        "a program; register them by scalegmn.alignment.program_of.register"
    )


@program_of.register
def _(architecture: ProgramArchitecture, *, shape: tuple[int, ...] | None = None) -> ProgramArchitecture:
    if shape is not None and shape != architecture.example_shape(None):
        raise ArchitectureError(
            f"examples have the shape {shape}, expected {architecture.example_shape(None)}, with which "
            f"{architecture.describe()} was traced"
        )
    return architecture


@program_of.register
def _(architecture: LayeredArchitecture, *, shape: tuple[int, ...] | None = None) -> ProgramArchitecture:
    example = torch.zeros(1, *(readable_shape(architecture) if shape is None else shape))
    return ProgramArchitecture.from_module(build_module(architecture), example)


@singledispatch
def readable_shape(architecture: Architecture) -> tuple[int, ...]:
    """The shape of one example that networks of an architecture read.

    Raises:
        ArchitectureError: they read several things, or no size is found.
    """
    return architecture.example_shape(None)


@readable_shape.register
def _(architecture: LayeredArchitecture) -> tuple[int, ...]:
    if any(isinstance(layer, Flatten) for layer in architecture.leading):
        return architecture.example_shape((1, architecture.num_inputs))
    if not isinstance(architecture.stages[0].weighted, Conv):
        return architecture.example_shape(None)
    theta = torch.zeros(1, architecture.num_parameters)
    for side in _SIDES:
        shape = architecture.example_shape((side, side))
        try:
            architecture.run(theta, torch.zeros(1, *shape))
        except (ScaleGMNError, RuntimeError):
            continue
        return shape
    raise ArchitectureError(
        f"{architecture.describe()} reads images of none of the sizes up to {max(_SIDES)} x {max(_SIDES)}; "
        "expected square ones"
    )
