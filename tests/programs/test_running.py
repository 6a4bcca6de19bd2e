"""Programs as functions of their effective parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import (
    Algebra,
    EffectiveParameter,
    Input,
    Instruction,
    Operand,
    Program,
    ValueType,
    run_program,
    run_programs,
)
from scalegmn.programs.operations import OPERATIONS, Operation
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


class Stubborn(Operation):
    """Doubles numbers, but not those of several networks at once."""

    def run(self, *arguments: Any) -> tuple[Tensor, ...]:
        (x,) = arguments
        return (x * 2 if float(x.sum()) == float(x.sum()) else x,)

    def interpret(
        self, algebra: Algebra[Any], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[Any, ...]:
        raise NotImplementedError


def stacked(program: Program, *, networks: int) -> dict[str, Tensor]:
    numbers = generator(0)
    return {
        p.name: torch.randn((networks, *p.type.shape), generator=numbers, dtype=torch.float64)
        for p in program.parameters
    }


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (5, 3)),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten()), (2, 1, 6, 6)),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Softmax(-1)), (2, 4)),
        (lambda: nn.RNN(3, 4, batch_first=True), (2, 3, 3)),
    ],
)
def test_many_networks_at_once_answer_as_one_by_one(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    x = torch.randn(shape, generator=generator(1), dtype=torch.float64)
    program = trace(build().double(), (x,))
    parameters = stacked(program, networks=3)

    answers = run_programs(program, parameters, [x])

    for number in range(3):
        alone = run_program(program, {name: value[number] for name, value in parameters.items()}, [x])
        for answer, expected in zip(answers, alone, strict=True):
            torch.testing.assert_close(answer[number], expected, rtol=1e-12, atol=1e-12)


def doubling() -> Program:
    return Program(
        inputs=(Input(name="x", type=ValueType((2,))),),
        parameters=(EffectiveParameter(name="w", type=ValueType((2,))),),
        constants=(),
        instructions=(
            Instruction(operation="tests.stubborn", arguments=(Operand(1),), outputs=(ValueType((2,)),)),
            Instruction(
                operation="aten.mul.Tensor", arguments=(Operand(2), Operand(0)), outputs=(ValueType((2,)),)
            ),
        ),
        outputs=(Operand(3), Operand(0)),
    )


def test_operations_that_cannot_be_batched_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS._entries, "tests.stubborn", Stubborn("tests.stubborn"))
    x, w = torch.tensor([1.0, 3.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    doubled, same = run_programs(doubling(), {"w": w}, [x])

    assert torch.equal(doubled, 2 * w * x)
    assert torch.equal(same, torch.stack([x, x]))


def test_numbers_of_networks_that_differ_are_refused() -> None:
    program = trace(nn.Linear(2, 2), (torch.zeros(1, 2),))

    with pytest.raises(ProgramError, match="2 and 3 networks"):
        run_programs(
            program, {"weight": torch.zeros(3, 2, 2), "bias": torch.zeros(2, 2)}, [torch.zeros(1, 2)]
        )
    with pytest.raises(ProgramError, match="0 networks"):
        run_programs(
            program, {"weight": torch.zeros(0, 2, 2), "bias": torch.zeros(0, 2)}, [torch.zeros(1, 2)]
        )


def test_what_is_missing_or_has_another_shape_is_named() -> None:
    module = nn.Linear(2, 3)
    program = trace(module, (torch.zeros(1, 2),))
    state = module.state_dict()

    with pytest.raises(ProgramError, match=r"bias is missing"):
        run_program(program, {"weight": state["weight"]}, [torch.zeros(1, 2)])
    with pytest.raises(ProgramError, match=r"weight has shape \(2, 3\), expected \(3, 2\)"):
        run_program(program, {**state, "weight": torch.zeros(2, 3)}, [torch.zeros(1, 2)])
    with pytest.raises(ProgramError, match=r"input input has shape \(4, 2\)"):
        run_program(program, state, [torch.zeros(4, 2)])
    with pytest.raises(ProgramError, match="2 inputs are given, expected 1"):
        run_program(program, state, [torch.zeros(1, 2)] * 2)


def test_the_kind_of_the_parameters_is_that_of_the_answer() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    program = trace(module, (torch.zeros(1, 2),))
    state = {name: value.double() for name, value in module.state_dict().items()}

    (answer,) = run_program(program, state, [torch.ones(1, 2)])

    assert answer.dtype is torch.float64
    assert torch.equal(answer, module.double()(torch.ones(1, 2, dtype=torch.float64)))


def test_arguments_that_only_numbers_show_to_be_wrong_are_refused() -> None:
    program = Program(
        inputs=(Input(name="x", type=ValueType((2, 3))),),
        parameters=(),
        constants=(),
        instructions=(
            Instruction(
                operation="aten._softmax.default",
                arguments=(Operand(0), 9, False),
                outputs=(ValueType((2, 3)),),
            ),
        ),
        outputs=(Operand(1),),
    )

    with pytest.raises(ProgramError, match="cannot be run"):
        run_program(program, {}, [torch.zeros(2, 3)])


def test_gradients_pass() -> None:
    program = trace(nn.Linear(2, 3), (torch.ones(1, 2),))
    parameters = {name: value.requires_grad_() for name, value in stacked(program, networks=2).items()}

    run_programs(program, parameters, [torch.ones(1, 2)])[0].sum().backward()

    assert all(value.grad is not None and bool((value.grad == 1).all()) for value in parameters.values())


def test_damaged_programs_are_noticed_when_they_run() -> None:
    program = trace(nn.Linear(2, 3), (torch.zeros(1, 2),))
    wrong = Program(
        inputs=program.inputs,
        parameters=program.parameters,
        constants=(),
        instructions=(
            Instruction(
                operation="aten.relu.default",
                arguments=(Operand(0),),
                outputs=(ValueType((7, 7)),),
                module="there",
            ),
        ),
        outputs=(Operand(3),),
    )

    with pytest.raises(ProgramError, match=r"relu.*there"):
        run_program(wrong, nn.Linear(2, 3).state_dict(), [torch.zeros(1, 2)])
