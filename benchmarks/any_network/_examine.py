"""One network: its program, its group, and whether random elements of all kinds leave its answers alone."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError, SymmetryError, UnsupportedOperationError
from scalegmn.programs import Program, run_program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import (
    GroupElement,
    SymmetryGroup,
    symmetry_group,
)
from scalegmn.symmetry.discovery.continuous import continuous_group

from ._double import answer, distance, double
from ._graphs import examine_graph
from ._outcome import Outcome
from .models import Entry, Example

SPREAD = 0.5
"""Factors of free scales lie between exp(-SPREAD) and exp(SPREAD)."""


def examine(entry: Entry, *, draws: int = 3, mixtures: bool = False, graphs: bool = True) -> Outcome:
    """Capture a network, find its group, draw elements of every kind, and compare answers on both examples.

    Args:
        entry: of the list.
        draws: random elements of each kind.
        mixtures: whether to try what is not diagonal as well, which takes Jacobians.
        graphs: whether to try metanetworks on its graph as well.
    """
    outcome = Outcome.of(entry)
    module = entry.build().double()
    outcome = outcome.but(parameters=sum(value.numel() for value in module.parameters()))
    examples = tuple(double(example) for example in entry.examples())
    start = time.process_time()
    try:
        programs = [_traced(module, example) for example in examples]
        group = symmetry_group(*programs)
        outcome = outcome.but(
            seconds=time.process_time() - start,
            megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            scales=group.scales.dimension,
            signs=group.signs.dimension,
            permutations=group.permutations.log_order / math.log(10),
        )
        outcome = outcome.but(errors=_errors(module, group, examples, draws, mixtures))
        if graphs:
            state = {name: value.detach() for name, value in module.state_dict().items()}
            asked = _inputs(examples[0])
            outcome = outcome.but(graph=examine_graph(group, fold(group.program, state), asked))
        return outcome
    except (UnsupportedOperationError, ProgramError) as refusal:
        return outcome.but(refused=str(refusal))
    except Exception as error:  # a mistake of the library, which must not keep the others from being tried
        return outcome.but(refused=f"{type(error).__name__}: {error}", crashed=True)


def _traced(module: nn.Module, example: Example) -> Program:
    if isinstance(example, tuple):
        return trace(module, example)
    return trace(module, (), example_kwargs=example)


def _errors(
    module: nn.Module, group: SymmetryGroup, examples: tuple[Example, ...], draws: int, mixtures: bool
) -> dict[str, float]:
    """By kind of element, how far the answers move."""
    state = {name: value.detach() for name, value in module.state_dict().items()}
    effective = fold(group.program, state)
    before = [answer(module, state, example) for example in examples]
    errors = {"tracing": distance(before[0], _computed(group.program, effective, examples[0]))}
    moves = [(kind, element.apply(effective)) for kind, element in _elements(group, draws)]
    if mixtures:
        moves.extend(_mixed(group, effective, draws))
    for kind, parameters in moves:
        moved = unfold(group.program, parameters, like=state)
        for example, known in zip(examples, before, strict=True):
            apart = distance(known, answer(module, moved, example))
            errors[kind] = max(apart, errors.get(kind, 0.0))
    return errors


def _computed(program: Program, effective: State, example: Example) -> list[Tensor]:
    """What the program itself answers."""
    found = run_program(program, effective, _inputs(example))
    return [value for value in found if value.is_floating_point()]


def _inputs(example: Example) -> list[Tensor]:
    return list(example if isinstance(example, tuple) else example.values())


def _elements(group: SymmetryGroup, draws: int) -> Iterator[tuple[str, GroupElement]]:
    """Random elements of each kind by itself, and of all at once."""
    for draw in range(draws):
        numbers = generator(0, "element", draw)
        logarithms = SPREAD * (2 * _uniform(group.scales.dimension, numbers) - 1)
        flips = (_uniform(group.signs.dimension, numbers) < 0.5).to(torch.float64)
        scales = {name: torch.exp(x) for name, x in group.scales.evaluate(logarithms).items()}
        signs = {name: 1 - 2 * torch.remainder(x, 2) for name, x in group.signs.evaluate(flips).items()}
        yield "scales", GroupElement(factors=scales)
        yield "signs", GroupElement(factors=signs)
        yield "permutations", GroupElement(rearrangements=group.permutations.random(numbers))
        yield "elements", group.random(numbers, spread=SPREAD)


def _mixed(group: SymmetryGroup, effective: State, draws: int) -> Iterator[tuple[str, State]]:
    """Parameters after random mixtures of channels, and after random shifts of biases."""
    for draw in range(draws):
        numbers = generator(0, "mixture", draw)
        try:
            for part in continuous_group(group, generator=generator(0, "parts")).parts:
                yield "mixtures", part.move(effective, numbers)
        except SymmetryError as refusal:
            print(f"not tried: {refusal}", file=sys.stderr)


def _uniform(count: int, numbers: torch.Generator) -> Tensor:
    return torch.rand(count, generator=numbers, dtype=torch.float64)
