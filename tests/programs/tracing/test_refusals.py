"""Every kind of bad input is one sentence with the place it lies in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs.tracing import trace


class Part(nn.Module):
    """Computes what it is told to."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.linear, self.function = nn.Linear(3, 3), function

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


class Whole(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)


class Counting(nn.Module):
    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x) * self.calls


def hooked() -> nn.Module:
    module = nn.Linear(3, 3)
    module.register_forward_hook(lambda module, given, answer: answer * 2)
    return module


def patched() -> nn.Module:
    module = nn.Linear(3, 3)
    setattr(module, "forward", torch.relu)  # noqa: B010 - as libraries do
    return module


FUNCTIONS: dict[str, tuple[Callable[[Any, Tensor], Any], str]] = {
    "an if": (lambda m, x: m.linear(x) if x.sum() > 0 else x, "decides by the numbers"),
    "a loop": (lambda m, x: [m.linear(x) for _ in range(int(x.sum()))], "decides by the numbers"),
    "a slice": (lambda m, x: m.linear(x)[: int(x.sum())], "decides by the numbers"),
    "an item": (lambda m, x: m.linear(x) * x.sum().item(), "a number of Python"),
    "a list": (lambda m, x: m.linear(x) * x.tolist()[0][0], "a number of Python"),
    "shapes by numbers": (lambda m, x: m.linear(x).nonzero(), "a number of Python"),
    "an array": (lambda m, x: m.linear(torch.from_numpy(x.numpy())), "cannot be traced"),
    "noise": (lambda m, x: m.linear(x) + torch.randn(2, 3), "random numbers"),
    "dropout without an end": (lambda m, x: nn.functional.dropout(m.linear(x)), "random numbers"),
    "a missing attribute": (lambda m, x: m.nothing(x), "nothing"),
    "an unknown operation": (
        lambda m, x: torch.linalg.svd(m.linear(x))[1],
        "_linalg_svd.*register_operation",
    ),
    "a huge constant": (lambda m, x: m.linear(x) + torch.ones(2**27).sum(), "134,217,728"),
}
MODULES: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "wrong example": (lambda: nn.Linear(4, 3), "cannot be traced"),
    "no numbers": (lambda: nn.Linear(3, 3, device="meta"), "meta"),
    "complex numbers": (lambda: nn.Linear(3, 3, dtype=torch.complex64), "complex64"),
    "no shape yet": (lambda: nn.LazyLinear(3), "no shape yet"),
    "a hook": (hooked, "forward hook"),
    "a patch": (patched, "replaced"),
    "a state": (Counting, "calls"),
    "nothing to learn": (nn.ReLU, "no parameters"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_no_program_can_say(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    function, says = FUNCTIONS[name]

    with pytest.raises(ProgramError, match=says) as caught:
        trace(Whole(Part(function)), (torch.randn(2, 3),))

    assert "inner (Part)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", MODULES)
def test_modules_that_no_program_can_say(name: str) -> None:
    build, says = MODULES[name]

    with pytest.raises(ProgramError, match=says) as caught:
        trace(Whole(build()), (torch.randn(2, 3),))

    assert any(word in str(caught.value) for word in ("inner", "Whole"))


def test_what_is_no_module() -> None:
    with pytest.raises(ProgramError, match=r"expected a torch\.nn\.Module"):
        trace({"weight": torch.zeros(3)}, ())  # type: ignore[arg-type]


def test_states_that_nobody_reads_are_let_pass() -> None:
    class Idle(Counting):
        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.linear(x)

    assert len(trace(Idle(), (torch.zeros(2, 3),)).outputs) == 1
