"""Layers in order need no example of their input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs.tracing import trace

NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "mlp": (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), (1, 3)),
    "flattened": (nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (1, 12)),
    "nested": (nn.Sequential(nn.Sequential(nn.Identity(), nn.Linear(4, 2))), (1, 4)),
    "any image": (nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)), (1, 3, 32, 32)),
    "one image": (
        nn.Sequential(nn.Conv2d(1, 2, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 12 * 12, 2)),
        (1, 1, 28, 28),
    ),
    "sequence": (nn.Sequential(nn.Conv1d(4, 2, 3), nn.Flatten(), nn.Linear(2 * 14, 2)), (1, 4, 16)),
    "cube": (nn.Sequential(nn.Conv3d(2, 2, 3), nn.Flatten(), nn.Linear(2 * 8, 2)), (1, 2, 4, 4, 4)),
    "norm first": (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1), nn.ReLU()), (1, 3, 32, 32)),
    "layer norm first": (nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 2)), (1, 6)),
    "wrapped": (nn.DataParallel(nn.Sequential(nn.Linear(3, 2))), (1, 3)),
    "unflattened": (
        nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 2, 3), nn.Flatten()),
        (1, 784),
    ),
    "double precision": (nn.Sequential(nn.Linear(3, 2)).double(), (1, 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_programs_are_those_of_examples(name: str) -> None:
    module, shape = NETWORKS[name]
    dtype = next(module.parameters()).dtype

    assert trace(module) == trace(module, (torch.randn(shape, dtype=dtype),))


def test_modes_are_left_alone() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trace(module)

    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_networks_that_run_on_nothing_say_what_was_tried() -> None:
    with pytest.raises(ProgramError, match=r"1x3x32x32.*give example_inputs"):
        trace(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(7, 2)))


def test_layers_that_say_nothing_need_an_example() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 3))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight

    with pytest.raises(ProgramError, match="no layer of the network says"):
        trace(nn.Sequential(Own()))
    assert len(trace(nn.Sequential(Own()), (torch.zeros(2, 3),)).instructions) == 1


def test_other_modules_need_an_example() -> None:
    with pytest.raises(ProgramError, match="forward"):
        trace(nn.Linear(3, 2))


@pytest.mark.slow
def test_a_tensor_alone_is_the_only_argument() -> None:
    assert trace(nn.Linear(3, 2), torch.zeros(1, 3)) == trace(nn.Linear(3, 2), (torch.zeros(1, 3),))
