"""Examples in batches of the size that a program reads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.alignment._batches import in_batches
from scalegmn.errors import SymmetryError
from scalegmn.programs.tracing import trace


def test_what_fills_no_batch_is_left_out() -> None:
    program = trace(nn.Linear(3, 2), torch.zeros(4, 3))
    examples = torch.arange(30.0).reshape(10, 3)
    found = in_batches(program, examples)
    assert torch.equal(found.flatten(0, 1), examples[:8]) and found.shape == (2, 4, 3)


@pytest.mark.parametrize("shape", [(3, 3), (8, 4), (8,)])
def test_other_examples_are_refused(shape: tuple[int, ...]) -> None:
    program = trace(nn.Linear(3, 2), torch.zeros(4, 3))
    with pytest.raises(SymmetryError, match=r"expected \(n, 3\), with n at least 4"):
        in_batches(program, torch.zeros(shape))


def test_programs_of_several_inputs_are_refused() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.weight * x + y

    program = trace(Sum(), (torch.zeros(1, 3), torch.zeros(1, 3)))
    with pytest.raises(SymmetryError, match="expected one, of examples along its first axis"):
        in_batches(program, torch.zeros(2, 3))
