"""Programs at other widths."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import Program, ProgramArchitecture, at_widths
from scalegmn.programs.operations._views import reshaped
from scalegmn.programs.tracing import trace
from tests.programs.networks import IMAGE, normalized


class Residual(nn.Module):
    """Maps with norms, a residual connection, pooling and flattening, of any width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width)
        self.inner, self.outer = nn.Conv2d(width, width + 1, 1), nn.Conv2d(width + 1, width, 1)
        self.head = nn.Linear(4 * width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = x + self.outer(torch.tanh(self.inner(x)))
        return self.head(nn.functional.max_pool2d(x, 2).flatten(1))


def traced(module: nn.Module, *shape: int) -> Program:
    return trace(module.eval(), torch.zeros(1, *shape))


def without_modules(program: Program) -> Program:
    steps = tuple(dataclasses.replace(one, module="") for one in program.instructions)
    return dataclasses.replace(program, instructions=steps)


MAKERS: dict[str, tuple[Callable[[int], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (1, 4, 4)),
    "normalized": (lambda width: normalized(channels=width), IMAGE),
    "dense": (lambda n: nn.Sequential(nn.Linear(3, n), nn.GELU(), nn.Linear(n, 2)), (3,)),
    "softmax": (lambda n: nn.Sequential(nn.Linear(3, n), nn.Softmax(dim=1), nn.Linear(n, 2)), (3,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_it_is_what_a_trace_of_that_width_gives(name: str) -> None:
    make, shape = MAKERS[name]
    narrow, wide = traced(make(3), *shape), traced(make(5), *shape)
    shapes = {one.name: one.type.shape for one in wide.parameters}
    assert at_widths(narrow, shapes) == wide
    assert at_widths(wide, {one.name: one.type.shape for one in narrow.parameters}) == narrow
    assert at_widths(narrow, {one.name: one.type.shape for one in narrow.parameters}) is narrow


REFUSED: dict[str, tuple[Callable[[int], nn.Module], tuple[int, ...], str]] = {
    "a norm over all channels": (
        lambda n: nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), nn.Linear(n, 2)),
        (3,),
        r"native_layer_norm.* may depend on a width",
    ),
    "channels in groups": (
        lambda n: nn.Sequential(nn.Conv2d(1, n, 1), nn.Conv2d(n, n, 1, groups=n), nn.Conv2d(n, 1, 1)),
        (1, 3, 3),
        r"convolution.* may depend on a width",
    ),
    "a number made from a width": (
        lambda n: nn.Sequential(nn.Linear(3, n), Scaled(n**-0.5), nn.Linear(n, 2)),
        (3,),
        "may depend on a width",
    ),
    "an axis that is split": (
        lambda n: nn.Sequential(
            nn.Linear(3, 2 * n), nn.Unflatten(1, (n, 2)), nn.Flatten(), nn.Linear(2 * n, 2)
        ),
        (3,),
        r"view.* may depend on a width",
    ),
}


class Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.mark.parametrize("name", REFUSED)
def test_literals_that_may_be_widths_are_not_guessed(name: str) -> None:
    make, shape, words = REFUSED[name]
    narrow, wide = traced(make(2), *shape), traced(make(3), *shape)
    with pytest.raises(ProgramError, match=words):
        at_widths(narrow, {one.name: one.type.shape for one in wide.parameters})


@pytest.mark.slow
def test_shapes_that_do_not_fit_are_refused() -> None:
    program = traced(Residual(3), 1, 4, 4)
    shapes = {one.name: one.type.shape for one in program.parameters}
    with pytest.raises(ProgramError, match=r"do not fit each other at aten\.convolution\.default of inner"):
        at_widths(program, shapes | {"inner.weight": (4, 5, 1, 1)})
    with pytest.raises(ProgramError, match=r"the answer has shape \(1, 4\), expected \(1, 3\)"):
        at_widths(program, shapes | {"head.weight": (4, 12), "head.bias": (4,)})


def test_a_file_of_another_width_is_read() -> None:
    known = ProgramArchitecture(traced(Residual(3), 1, 4, 4))
    wide = Residual(6).double()
    found = known.at_widths_of(wide.state_dict())
    assert found is not None
    theta = found.read_state(wide.state_dict())
    images = torch.randn(5, 1, 4, 4, dtype=torch.float64)
    assert torch.allclose(found.run(theta[None], images)[0], wide.eval()(images), atol=1e-12)
    assert known.at_widths_of(found.unflatten(theta)) == found
    assert known.at_widths_of(Residual(3).state_dict()) == known
    lacking = {name: value for name, value in wide.state_dict().items() if name != "head.bias"}
    assert known.at_widths_of(lacking) is None


def test_merged_axes_follow() -> None:
    assert reshaped((8, 7, 7), (392,), (10, 7, 7)) == (490,)
    assert reshaped((1, 8, 1, 1), (1, 8), (1, 9, 1, 1)) == (1, 9)
    assert reshaped((8,), (1, 8, 1, 1), (9,)) == (1, 9, 1, 1)
    assert reshaped((2, 6), (2, 3, 2), (4, 6)) == (4, 3, 2)
    assert reshaped((2, 6), (2, 3, 2), (2, 9)) is None
    assert reshaped((1, 6), (6,), (2, 6)) is None
    assert reshaped((4, 3), (3, 4), (4, 3)) is None
