"""Programs of two sizes are compared where they are of one network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs.tracing import check_one_network, trace


class Narrowing(nn.Module):
    """Reads its gain as it is, and plus one on long sequences only."""

    def __init__(self) -> None:
        super().__init__()
        self.gain, self.norm = nn.Parameter(torch.ones(3)), nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x) * (1 + self.gain if len(x) > 2 else self.gain)


def test_sizes_of_one_network_pass() -> None:
    module = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3))
    check_one_network(trace(module, (torch.zeros(1, 2, 5),)), trace(module, (torch.zeros(2, 2, 9),)))


def test_examples_of_one_size_are_refused() -> None:
    module = nn.Linear(2, 3)
    with pytest.raises(ProgramError, match=r"both examples have the sizes \(1, 2\)"):
        check_one_network(trace(module, (torch.zeros(1, 2),)), trace(module, (torch.ones(1, 2),)))


def test_other_parameters_are_refused() -> None:
    with pytest.raises(ProgramError, match="weight"):
        check_one_network(
            trace(nn.Linear(2, 3), (torch.zeros(1, 2),)), trace(nn.Linear(4, 3), (torch.zeros(1, 4),))
        )


def test_parameters_that_are_read_in_another_way_are_refused() -> None:
    module = Narrowing()
    with pytest.raises(ProgramError, match="gain is read as"):
        check_one_network(trace(module, (torch.zeros(2, 3),)), trace(module, (torch.zeros(4, 3),)))
