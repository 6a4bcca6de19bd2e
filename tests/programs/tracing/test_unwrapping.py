"""Wrappers that compute the same are taken off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lightning.fabric import Fabric
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from scalegmn.programs.tracing import trace, unwrap


def compiled(module: nn.Module) -> nn.Module:
    # The default would only bring the compiler along, which nothing here uses.
    wrapped = torch.compile(module, backend="eager")
    assert isinstance(wrapped, nn.Module)
    return wrapped


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap",
    [nn.DataParallel, AveragedModel, compiled, lambda module: nn.DataParallel(compiled(module))],
)
def test_programs_of_wrapped_networks_are_those_of_the_networks(
    wrap: Callable[[nn.Module], nn.Module],
) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    example = (torch.zeros(2, 3),)

    assert trace(wrap(module), example) == trace(module, example)


def test_networks_of_other_people_with_these_names_stay() -> None:
    class DataParallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 2)

    wrapped = DataParallel()
    assert unwrap(wrapped) is wrapped


def test_lightning_modules_are_traced_as_they_forward() -> None:
    class Trained(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Sequential(nn.Linear(3, 4), nn.Tanh())

        def forward(self, x: Tensor) -> Tensor:
            return 2 * self.network(x)

        def training_step(self, batch: Tensor) -> Tensor:
            raise AssertionError("this is no training")

    program = trace(Trained(), (torch.zeros(2, 3),))

    assert [parameter.name for parameter in program.parameters] == ["network.0.weight", "network.0.bias"]
    assert [i.operation for i in program.instructions][-1] == "aten.mul.Tensor"


def test_modules_that_fabric_wraps_are_those_inside() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    fabric = Fabric(accelerator="cpu", devices=1)

    assert unwrap(fabric.setup_module(module)) is module
