"""Many examples pass the instructions of a program together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import Program, run_examples, run_program
from scalegmn.programs.foldings import fold
from scalegmn.programs.tracing import trace


def convolutional() -> tuple[Program, dict[str, Tensor]]:
    torch_state = torch.random.get_rng_state()
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)
    ).double()
    torch.random.set_rng_state(torch_state)
    program = trace(module, torch.zeros(1, 1, 6, 6, dtype=torch.float64))
    return program, fold(program, {name: value.detach() for name, value in module.state_dict().items()})


def images(count: int) -> Tensor:
    return torch.randn(count, 1, 1, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_answers_are_those_of_one_example_after_the_other() -> None:
    program, state = convolutional()
    given = images(5)
    seen: list[int] = []

    def touch(index: int, value: Tensor) -> Tensor:
        assert value.shape == (5, *program.types()[index].shape)
        seen.append(index)
        return value

    (found,) = run_examples(program, state, given, touch=touch)
    for one, example in zip(found, given, strict=True):
        torch.testing.assert_close(one, run_program(program, state, [example])[0])
    assert seen == sorted(seen)
    # Views of parameters do not depend on the examples, places of maxima are no real numbers.
    assert len(seen) < len(program.types())


def test_what_is_handed_on_is_used() -> None:
    program, state = convolutional()
    (found,) = run_examples(program, state, images(3), touch=lambda _, value: torch.zeros_like(value))
    assert not found.any()


def test_answers_that_do_not_depend_on_the_examples_are_repeated() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x * 2, self.weight + 1

    program = trace(Constant(), torch.zeros(1, 2))
    state = {"weight": torch.ones(2)}
    found = run_examples(program, state, torch.ones(4, 1, 2), touch=lambda _, value: value)
    assert [tuple(one.shape) for one in found] == [(4, 1, 2), (4, 2)]


def test_examples_of_another_shape_are_refused() -> None:
    program, state = convolutional()
    with pytest.raises(ProgramError, match="expected one input"):
        run_examples(program, state, images(3)[:, 0], touch=lambda _, value: value)
