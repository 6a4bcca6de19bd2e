"""A program computes what its module computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 6), nn.Linear(6, 6)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        return h + self.drop(torch.tanh(self.second(h)))


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, groups=2)
        self.last = nn.Linear(4 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.max_pool2d(torch.relu(self.first(x)), 2)
        return self.last(torch.relu(self.second(torch.cat([h, h], dim=2))).flatten(1))


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(4), nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        # Rows of a mask depend on nothing but the shape: they are computed while tracing.
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return x + self.attention(h, h, h, attn_mask=mask)[0]


class Answering(nn.Module):
    """Several outputs, by name, some of which are no tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.register_buffer("lasting", torch.arange(2.0))
        self.register_buffer("passing", torch.arange(2.0) + 0.5, persistent=False)

    def forward(self, x: Tensor, *, times: int = 1) -> dict[str, Any]:
        y = self.first(x) * self.lasting
        return {"y": y * times, "none": None, "list": [y + self.passing, x], "zeros": torch.zeros_like(y)}


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.last = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.cell(x)[0][:, -1])


def filled(module: nn.Module) -> nn.Module:
    """In double precision, with random numbers in all parameters."""
    numbers = generator(0)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=numbers, dtype=torch.float64) * 0.5)
    return module


def flat(answer: Any) -> list[Tensor]:
    if isinstance(answer, Tensor):
        return [answer]
    parts = (
        answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (list, tuple)) else ()
    )
    return [tensor for part in parts for tensor in flat(part)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (Residual, (2, 3)),
        (Convolutional, (2, 3, 6, 6)),
        (Attending, (2, 5, 4)),
        (Answering, (2, 3)),
        (Recurrent, (2, 4, 3)),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Linear(4, 2), nn.Softmax(dim=-1)), (3, 3)),
        (lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.GroupNorm(2, 4), nn.SiLU()), (2, 3, 7)),
    ],
)
def test_programs_answer_what_their_modules_answer(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    module = filled(build())
    x = torch.randn(shape, generator=generator(1), dtype=torch.float64)

    program = trace(module, (x,))

    answers = run_program(program, fold(program, module.state_dict()), [x])
    for answer, expected in zip(answers, flat(module(x)), strict=True):
        torch.testing.assert_close(answer, expected, rtol=1e-12, atol=1e-12)


def test_numbers_among_the_arguments_belong_to_the_code() -> None:
    module = filled(Answering())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)

    program = trace(module, (x,), example_kwargs={"times": 3})

    assert [given.name for given in program.inputs] == ["x"]
    torch.testing.assert_close(
        run_program(program, fold(program, module.state_dict()), [x])[0], module(x, times=3)["y"]
    )


def test_lasting_buffers_are_parameters_and_passing_ones_are_constants() -> None:
    program = trace(Answering(), (torch.zeros(2, 3),))

    assert [(p.name, p.buffer) for p in program.parameters] == [
        ("first.weight", False),
        ("first.bias", False),
        ("lasting", True),
    ]
    assert [0.5, 1.5] in [constant.tensor().tolist() for constant in program.constants]


def test_masks_are_computed_while_tracing() -> None:
    program = trace(Attending(), (torch.zeros(2, 5, 4),))

    computed = {instruction.operation.split(".")[1] for instruction in program.instructions}
    assert not computed & {"ones", "full", "triu", "arange", "ge", "le", "zeros_like", "full_like"}


class Shifting(nn.Module):
    """Two gains that a number is added to, and one whose sum has another shape than itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Parameter(torch.ones(3)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        h = x * (1 + self.first.float()) + (self.first + torch.ones(1)) * (self.second + 0.5)
        return h @ (self.third + torch.full((1, 1), 2.0)).T


def test_numbers_that_are_added_are_absorbed_where_the_shape_stays() -> None:
    module = filled(Shifting())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)

    program = trace(module, (x,))
    effective = fold(program, module.state_dict())

    assert [folding.effective for folding in program.foldings] == [("first",), ("second",)]
    assert torch.equal(effective["first"], 1 + module.state_dict()["first"])
    # The module loses digits where it casts, the program does not.
    torch.testing.assert_close(run_program(program, effective, [x])[0], module(x), rtol=1e-5, atol=1e-5)


def test_memory_that_nobody_filled_is_zero() -> None:
    class Lazy(Residual):
        def forward(self, x: Tensor) -> Tensor:
            return self.first(x) + torch.empty(6)

    (constant,) = trace(Lazy(), (torch.zeros(2, 3),)).constants

    assert constant.tensor().tolist() == [0.0] * 6


def test_instructions_name_their_modules() -> None:
    program = trace(nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU())), (torch.zeros(1, 3),))

    assert {i.operation: i.module for i in program.instructions}["aten.relu.default"] == "1.0"


def test_modes_of_all_parts_are_left_alone() -> None:
    module = Residual().train()
    module.second.eval()
    trace(module, (torch.zeros(2, 3),))
    with pytest.raises(ValueError, match="cannot be traced"):
        trace(module, (torch.zeros(2, 4),))

    assert module.training and module.drop.training and not module.second.training


def test_half_precision_is_computed_in_the_precision_of_the_parameters() -> None:
    class Casting(Residual):
        def forward(self, x: Tensor) -> Tensor:
            return self.second(torch.softmax(self.first(x).float(), dim=-1, dtype=torch.float32).to(x.dtype))

    module = filled(Casting())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)

    answer = run_program(trace(module, (x,)), module.state_dict(), [x])[0]

    state = module.state_dict()
    h = torch.softmax(nn.functional.linear(x, state["first.weight"], state["first.bias"]), dim=-1)
    expected = nn.functional.linear(h, state["second.weight"], state["second.bias"])
    torch.testing.assert_close(answer, expected, rtol=1e-13, atol=1e-13)


class Sharing(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x)))


def test_shared_parameters_are_one_and_are_written_under_all_their_names() -> None:
    module = filled(Sharing())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)
    state = module.state_dict()

    program = trace(module, (x,))
    effective = fold(program, state)
    moved = {name: value * 2 for name, value in effective.items()}

    assert [parameter.name for parameter in program.parameters] == [
        "first.weight",
        "first.bias",
        "second.bias",
    ]
    torch.testing.assert_close(run_program(program, effective, [x])[0], module(x), rtol=1e-13, atol=1e-13)
    written = unfold(program, moved, like=state)
    assert list(written) == list(state)
    assert torch.equal(written["second.weight"], 2 * state["first.weight"])
    # Some files hold a shared tensor once.
    assert torch.equal(
        fold(program, {name: value for name, value in state.items() if name != "first.weight"})[
            "first.weight"
        ],
        state["first.weight"],
    )


def test_files_whose_shared_parameters_differ_are_refused() -> None:
    program = trace(Sharing(), (torch.zeros(2, 3),))

    with pytest.raises(ProgramError, match=r"first\.weight and second\.weight differ"):
        fold(program, {**Sharing().state_dict(), "second.weight": torch.zeros(3, 3)})


@pytest.mark.slow
def test_parameters_that_overlap_are_refused() -> None:
    module = Sharing()
    module.second.weight = nn.Parameter(module.first.weight.data.t())

    with pytest.raises(ProgramError, match=r"first\.weight and second\.weight share memory"):
        trace(module, (torch.zeros(2, 3),))


def test_parameters_that_lie_side_by_side_are_their_own() -> None:
    module = Sharing()
    both = torch.randn(2, 3, 3, generator=generator(0))
    module.first.weight, module.second.weight = nn.Parameter(both[0]), nn.Parameter(both[1])

    assert len(trace(module, (torch.zeros(2, 3),)).parameters) == 4


def test_parameters_that_are_returned_are_not_absorbed() -> None:
    class Returning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x * (1 + self.gain), self.gain

    module = filled(Returning())
    x = torch.randn(2, 3, generator=generator(1), dtype=torch.float64)
    program = trace(module, (x,))

    answers = run_program(program, fold(program, module.state_dict()), [x])
    for answer, expected in zip(answers, module(x), strict=True):
        torch.testing.assert_close(answer, expected, rtol=1e-13, atol=1e-13)
