"""What checks need to know of architectures of every kind: groups in numbers, and whether functions stay."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.programs import Input, ProgramArchitecture, run_program
from scalegmn.symmetry import (
    LayeredTransformation,
    function_change,
    group_of_program,
)
from scalegmn.testing.elements import Elements, draw_element
from scalegmn.testing.parameters import random_inputs


@singledispatch
def group_counts(architecture: Architecture, elements: Elements) -> dict[str, int]:
    """How much of an architecture is permuted, scaled, and so on: by a phrase with a place for the number."""
    raise NotImplementedError(type(architecture).__name__)


@group_counts.register
def _of_layers(architecture: LayeredArchitecture, elements: Elements) -> dict[str, int]:
    generator = torch.Generator().manual_seed(0)
    # What a group does is seen by what its elements do; by chance, all of them would leave a neuron alone
    # in one of 2**60 cases.
    found = []
    for _ in range(60):
        drawn = draw_element(architecture, generator=generator, elements=elements)
        assert isinstance(drawn, LayeredTransformation)
        found.append(drawn.element)
    scale = torch.stack([element.scale for element in found])
    moved = torch.stack([element.permutation for element in found]) != torch.arange(scale.shape[1])
    phase = torch.stack([element.phase for element in found]) != 0
    names = ("permutations of {} hidden neurons", "positive scales of {}", "signs of {}", "phases of {}")
    parts = (moved, scale.abs() != 1, scale < 0, phase)
    return {name: int(part.any(dim=0).sum()) for name, part in zip(names, parts, strict=True)}


@group_counts.register
def _of_program(architecture: ProgramArchitecture, elements: Elements) -> dict[str, int]:
    group = group_of_program(architecture)
    channels = sum(family.size for family in group.permutations.families)
    return {
        "permutations of {} channels": channels if elements.permute else 0,
        "{} free positive scales": group.scales.dimension if elements.rescale else 0,
        "{} free signs": group.signs.dimension if elements.rescale else 0,
    }


@singledispatch
def functions_apart(
    architecture: Architecture, before: Tensor, after: Tensor, *, generator: torch.Generator
) -> float:
    """Largest change of what networks ``(B, P)`` compute, relative and in float64, for random inputs."""
    inputs = random_inputs(architecture, 5, generator=generator).to(before.device)
    return function_change(architecture, before, after, inputs)


@functions_apart.register
def _by_programs(
    architecture: ProgramArchitecture, before: Tensor, after: Tensor, *, generator: torch.Generator
) -> float:
    inputs = [_random(given, generator).to(before.device) for given in architecture.program.inputs]
    change = size = 0.0
    for rows in zip(before, after, strict=True):
        one, other = (run_program(architecture.program, architecture.unflatten(row), inputs) for row in rows)
        for a, b in zip(one, other, strict=True):
            if a.is_floating_point() and a.numel():
                change = max(change, float((a - b).abs().max()))
                size = max(size, float(a.abs().max()))
    return change / max(size, torch.finfo(torch.float64).tiny)


def _random(given: Input, generator: torch.Generator) -> Tensor:
    """Normal numbers; whole numbers are 0, which every table has."""
    if not given.type.is_floating:
        return torch.zeros(given.type.shape, dtype=torch.bool if given.type.dtype == "bool" else torch.int64)
    return torch.randn(given.type.shape, generator=generator, dtype=torch.float64)
