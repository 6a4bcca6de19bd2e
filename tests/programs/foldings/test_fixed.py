"""Tables of indices are constants of the program, and other ones are refused by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.files import program_from_json, program_to_json
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


class Choosing(nn.Module):
    """Hides some of what it is given, as a table of truth values says."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.register_buffer("factors", torch.tensor([1, 0, 2]))
        self.register_buffer("unread", torch.tensor(7))

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x) * self.factors


def test_tables_of_integers_are_constants_and_stay_in_the_file() -> None:
    module = Choosing().double().eval()
    x = torch.randn(2, 3, generator=generator(0), dtype=torch.float64)
    state = module.state_dict()
    program = trace(module, (x,))

    assert [parameter.name for parameter in program.parameters] == ["first.weight", "first.bias"]
    effective = fold(program, state)
    torch.testing.assert_close(run_program(program, effective, [x])[0], module(x), rtol=1e-13, atol=1e-13)
    written = unfold(program, effective, like=state)
    assert list(written) == list(state) and all(torch.equal(written[name], state[name]) for name in state)
    assert program_from_json(program_to_json(program)) == program


def test_other_tables_are_refused_and_missing_ones_are_not() -> None:
    program, state = trace(Choosing(), (torch.zeros(2, 3),)), Choosing().state_dict()

    with pytest.raises(ProgramError, match="the buffer factors differs"):
        fold(program, {**state, "factors": torch.tensor([1, 1, 2])})
    with pytest.raises(ProgramError, match="the buffer factors differs"):
        fold(program, {**state, "factors": torch.tensor([[1, 0, 2]])})
    assert set(fold(program, {**state, "unread": torch.tensor(8)})) == {"first.weight", "first.bias"}
    del state["factors"]
    assert set(fold(program, state)) == {"first.weight", "first.bias"}


def test_counters_of_a_norm_that_is_used_twice_stay() -> None:
    norm = nn.BatchNorm1d(3)
    module = nn.Sequential(nn.Linear(3, 3), norm, nn.Tanh(), norm).double().eval()
    program, state = trace(module, (torch.zeros(2, 3, dtype=torch.float64),)), module.state_dict()

    written = unfold(program, fold(program, state), like=state)

    assert list(written) == list(state)
    assert torch.equal(written["3.num_batches_tracked"], state["3.num_batches_tracked"])
