"""An example that a forward does not take is a sentence of ours; lines of the library are nobody's place."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import scalegmn
from scalegmn.errors import ProgramError
from scalegmn.programs.tracing import arguments_of, trace


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.relu(self.linear(x)) + y


class Silent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> None:
        self.linear(x)


X, Y = torch.zeros(1, 3), torch.zeros(1, 2)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ([X], "the example has 1 argument, but Pair.forward takes (x"),
        (None, "the example has no argument, but Pair.forward takes (x"),
        ([X, Y, Y], "the example has 3 arguments, but Pair.forward takes (x"),
        ([X, Y.numpy()], "a NumPy array of shape (1, 2)"),
        ([X, Y.to("meta")], "of shape (1, 2) on the device 'meta'"),
    ],
)
def test_what_is_no_example_of_the_forward(example: Any, words: str) -> None:
    with pytest.raises(ProgramError, match=re.escape(words)):
        scalegmn.symmetries(Pair(), example)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ({"x": X, "y": Y}, "named ones are example_kwargs"),
        ((one for one in [X, Y]), "of the class generator"),
        ("1x3", "of the class str"),
        (np.zeros((1, 3)), "of the class ndarray"),
    ],
)
def test_what_is_no_example_at_all(example: Any, words: str) -> None:
    with pytest.raises(ProgramError, match=re.escape(words)):
        arguments_of(example)


@pytest.mark.slow
def test_a_bare_tensor_is_the_only_argument() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    bare = scalegmn.symmetries(network, X, second_example=torch.zeros(2, 3))
    listed = scalegmn.symmetries(network, [X], second_example=[torch.zeros(2, 3)])
    assert bare.group.scales.dimension == listed.group.scales.dimension == 4
    assert bare.check(network.state_dict(), generator=torch.Generator().manual_seed(0)).passed


def test_a_network_that_returns_nothing() -> None:
    with pytest.raises(ProgramError, match="returns no tensor"):
        trace(Silent(), X)


def test_lines_of_the_library_are_no_place() -> None:
    with pytest.raises(ProgramError, match=r"line \d+ of test_arguments.py") as caught:
        trace(Pair(), [X, torch.zeros(1, 5)])
    assert "_exporting.py" not in str(caught.value)
