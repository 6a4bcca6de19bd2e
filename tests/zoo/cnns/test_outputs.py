from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activation, Architecture, cnn, run
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.zoo.cnns import image_outputs

LAYERED = cnn(channels=(2, 3), classes=4, activations=[Activation("relu")])
NORMED = ProgramArchitecture.from_module(
    nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)),
    torch.zeros(1, 2, 5, 5),
)


@pytest.mark.parametrize("architecture", [LAYERED, NORMED], ids=["layers", "program"])
@pytest.mark.parametrize("own", [False, True])
def test_outputs_are_those_of_running(architecture: Architecture, own: bool) -> None:
    numbers = generator(0)
    theta = torch.rand(3, architecture.num_parameters, generator=numbers, dtype=torch.float64) + 0.1
    images = torch.randn((3,) * own + (7, 2, 5, 5), generator=numbers, dtype=torch.float64)
    found = image_outputs(architecture, theta, images)
    assert found.shape == (3, 4, 7)
    torch.testing.assert_close(found, run(architecture, theta, images).mT)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"expected \(n, \*features\)"):
        image_outputs(NORMED, torch.ones(1, NORMED.num_parameters), torch.zeros(2, 2, 6, 6))
