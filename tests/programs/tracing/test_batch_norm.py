"""Batch norms whose statistics or gains are read elsewhere as well, and those of all dimensions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import Deviation, fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


class ByHand(nn.Module):
    """A map, and what a function does with its result and the tensors of a norm."""

    def __init__(self, then: Callable[[ByHand, Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 3))
        self.gain = nn.Parameter(torch.zeros(3))
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("var", torch.zeros(3))
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(self, x @ self.weight)

    def normed(self, x: Tensor, *, eps: float = 1e-5) -> Tensor:
        return F.batch_norm(x, self.get_buffer("mean"), self.get_buffer("var"), self.gain, eps=eps)


def filled(module: nn.Module) -> nn.Module:
    """Random numbers, where variances are positive."""
    numbers = generator(0)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            drawn = torch.rand(value.shape, generator=numbers)
            value.copy_(0.1 + drawn if name.endswith("var") else 2 * drawn - 1)
    return module.double().eval()


def check_same_function(module: nn.Module, x: Tensor) -> list[str]:
    """The program is the module; its effective parameters that are deviations."""
    program, state = trace(module, (x,)), module.state_dict()
    effective = fold(program, state)
    torch.testing.assert_close(run_program(program, effective, [x])[0], module(x), rtol=1e-12, atol=1e-12)
    written = unfold(program, effective, like=state)
    for name, value in state.items():
        torch.testing.assert_close(written[name], value, rtol=1e-12, atol=1e-12)
    return [folding.deviation for folding in program.foldings if isinstance(folding, Deviation)]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_norms_of_all_dimensions(dimensions: int, affine: bool) -> None:
    convolution = [nn.Conv1d, nn.Conv2d, nn.Conv3d][dimensions - 1](2, 3, 2)
    norm = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d][dimensions - 1](3, affine=affine)
    x = torch.randn(2, 2, *[4] * dimensions, dtype=torch.float64, generator=generator(1))
    assert check_same_function(filled(nn.Sequential(convolution, norm)), x) == ["1.running_deviation"]


@pytest.mark.slow
def test_without_running_statistics_those_of_the_batch_are_computed() -> None:
    module = filled(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)))
    x = torch.randn(5, 3, dtype=torch.float64, generator=generator(1))
    assert check_same_function(module, x) == []


@pytest.mark.parametrize(
    ("then", "deviations"),
    [
        (lambda m, x: m.normed(torch.relu(m.normed(x))), ["deviation"]),
        (lambda m, x: m.normed(x) * m.var, []),
        (lambda m, x: (m.normed(x), m.var)[0] + m.var.sum(), []),
        (lambda m, x: m.normed(torch.relu(m.normed(x)), eps=0.5), []),
        (lambda m, x: F.batch_norm(x, m.mean, m.var**2, m.gain), []),
        (lambda m, x: F.batch_norm(x, m.mean, m.var, 1 + m.gain), ["deviation"]),
        (lambda m, x: F.batch_norm(x, *torch.ones(3, 3).to(x)), []),
    ],
    ids=["twice", "variance", "sum", "two eps", "computed", "shifted gain", "constants"],
)
def test_a_variance_that_is_read_in_another_way_stays_as_it_is(
    then: Callable[[ByHand, Tensor], Tensor], deviations: list[str]
) -> None:
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator(1))
    assert check_same_function(filled(ByHand(then)), x) == deviations


def test_a_gain_that_others_read_does_not_take_the_rest() -> None:
    module = filled(ByHand(lambda m, x: m.normed(x) * m.gain))
    x = torch.zeros(2, 3, dtype=torch.float64)
    program, state = trace(module, (x,)), module.state_dict()
    effective = fold(program, state)
    with pytest.raises(ProgramError, match="no gain of its own"):
        unfold(program, {**effective, "deviation": effective["deviation"] * 1e-6}, like=state)


def test_a_name_that_is_taken_is_not_given_again() -> None:
    module = ByHand(lambda m, x: m.normed(x) + m.get_parameter("deviation"))
    module.deviation = nn.Parameter(torch.zeros(3))
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator(1))
    assert check_same_function(filled(module), x) == []


@pytest.mark.parametrize("eps", [-1.0, float("nan"), float("inf")])
def test_an_eps_of_a_file_that_is_none_is_refused(eps: float) -> None:
    with pytest.raises(ProgramError, match="eps"):
        Deviation(variance="v", deviation="s", eps=eps, gain=None)
