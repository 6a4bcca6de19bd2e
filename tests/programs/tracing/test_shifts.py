"""Sums of a parameter and a constant are effective parameters wherever nothing else is read of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import ShiftedParameter, fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import symmetry_group


class Gained(nn.Module):
    """Two layers with an RMS norm between them, whose gain is made of a parameter."""

    def __init__(self, gain: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 3, bias=False), nn.Linear(3, 2)
        self.parameter = nn.Parameter(torch.rand(3, generator=generator(0)))
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.gain(self.parameter))


@pytest.mark.parametrize(
    ("gain", "constants"),
    [
        (lambda w: 1 + w, [1.0]),
        (lambda w: w - 2, [-2.0]),
        (lambda w: 3 - w, [-3.0]),
        (lambda w: (1 + w) + 0.5, [1.0, 0.5]),
        (lambda w: 2 - (w - 1), [-1.0, -2.0]),
        (lambda w: torch.full((3,), 0.25).to(w) + w, [0.25]),
        (lambda w: (1 + w) * (1 + w), [1.0]),
        (lambda w: (w - 1) * (1 - w), [-1.0]),
    ],
)
def test_a_shifted_gain_is_as_free_as_a_plain_one(
    gain: Callable[[Tensor], Tensor], constants: list[float]
) -> None:
    module = Gained(gain).double().eval()
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator(1))
    program, state = trace(module, (x,)), module.state_dict()
    assert program.foldings == tuple(ShiftedParameter(name="parameter", constant=c) for c in constants)
    effective = fold(program, state)
    torch.testing.assert_close(run_program(program, effective, [x])[0], module(x), rtol=1e-12, atol=1e-12)
    group = symmetry_group(program)
    assert group.scales.dimension == 3
    moved = group.random(generator(2)).apply(effective)
    assert not torch.allclose(moved["last.weight"], effective["last.weight"])
    before = module(x)
    module.load_state_dict(unfold(program, moved, like=state))
    torch.testing.assert_close(module(x), before, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "gain",
    [
        lambda w: (1 + w) * w,
        lambda w: (1 + w) * (2 + w),
        lambda w: 1 + 2 * w,
        lambda w: torch.add(torch.ones(3).to(w), w, alpha=2),
        lambda w: torch.arange(3).to(w) + w,
        lambda w: torch.ones(1, 3).to(w) + w,
        lambda w: w + w,
    ],
)
def test_what_is_no_sum_with_one_number_stays(gain: Callable[[Tensor], Tensor]) -> None:
    module = Gained(gain).double().eval()
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator(1))
    program = trace(module, (x,))
    assert program.foldings == ()
    answers = run_program(program, fold(program, module.state_dict()), [x])
    torch.testing.assert_close(answers[0], module(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constant", [float("nan"), float("-inf")])
def test_a_constant_of_a_file_that_is_not_finite_is_refused(constant: float) -> None:
    with pytest.raises(ProgramError, match="not finite"):
        ShiftedParameter(name="w", constant=constant)
