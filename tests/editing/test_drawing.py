from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.editing import draw
from scalegmn.editing._drawing import check_draws, check_siren
from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Dense,
    Flatten,
    LayeredArchitecture,
    cnn,
    mlp,
    siren,
)
from scalegmn.seeding import generator

# Sizes whose coordinates are exact in single precision.
SIZE = (5, 9)


class Sine(nn.Module):
    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.frequency = frequency

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.frequency * x)


def module_of(architecture: Architecture, theta: torch.Tensor, frequency: float) -> nn.Sequential:
    """The same network as a plain module, without what the architecture says about its output."""
    layers: list[nn.Module] = []
    state = architecture.unflatten(theta)
    for number, stage in enumerate(architecture.stages):
        layer = nn.Linear(stage.weighted.inputs, stage.weighted.outputs, dtype=theta.dtype)
        layer.load_state_dict({key: state[f"{stage.weighted.name}.{key}"] for key in ("weight", "bias")})
        layers += [layer, *([Sine(frequency)] if number < len(architecture.stages) - 1 else [])]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("widths", [(2, 6, 1), (2, 8, 5, 1), (2, 4, 4, 4, 3)], ids=str)
@pytest.mark.parametrize("shift", [0.5, 0.0])
@pytest.mark.parametrize("order", ["xy", "ij"])
def test_the_drawing_of_a_batch_is_that_of_plain_modules(
    widths: tuple[int, ...], shift: float, order: str
) -> None:
    architecture = siren(widths=widths, frequency=7.0, shift=shift)
    theta = torch.randn(3, architecture.num_parameters, generator=generator(0), dtype=torch.float64)
    drawn = draw(architecture, theta, size=SIZE, order=order)  # type: ignore[arg-type]
    assert drawn.shape == (3, *SIZE, *([] if widths[-1] == 1 else [widths[-1]]))
    for row, image in zip(theta, drawn, strict=True):
        module = module_of(architecture, row, 7.0)
        for i in range(SIZE[0]):
            for j in range(SIZE[1]):
                down, right = 2 * i / (SIZE[0] - 1) - 1, 2 * j / (SIZE[1] - 1) - 1
                point = torch.tensor([right, down] if order == "xy" else [down, right], dtype=torch.float64)
                expected = module(point) + shift
                torch.testing.assert_close(image[i, j].reshape(-1), expected, rtol=0, atol=1e-10)


def test_the_drawing_is_differentiable() -> None:
    architecture = siren(widths=(2, 3, 3, 1), frequency=3.0)
    theta = 0.3 * torch.randn(2, architecture.num_parameters, generator=generator(1), dtype=torch.float64)
    theta.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: draw(architecture, x, size=(3, 4)), theta)
    draw(architecture, theta, size=(3, 4)).square().sum().backward()
    assert theta.grad is not None
    assert (theta.grad != 0).all()


@pytest.mark.parametrize(
    "architecture",
    [
        cnn(activations=[Activation("relu")] * 3),
        siren(widths=(3, 4, 1)),
        LayeredArchitecture(
            (Flatten((1, 1)), Dense("a", 2, 3), Activate(Activation("sine", 30.0)), Dense("b", 3, 1))
        ),
    ],
    ids=["cnn", "three inputs", "flatten"],
)
def test_networks_of_no_coordinates_are_refused(architecture: Architecture) -> None:
    with pytest.raises(ArchitectureError, match="draw no image"):
        draw(architecture, torch.zeros(1, architecture.num_parameters), size=SIZE)
    with pytest.raises(ArchitectureError, match=r"here: .*draw no image"):
        check_siren(architecture, origin="here")


def test_other_activations_are_no_siren() -> None:
    check_siren(siren())
    mixed = mlp(widths=(2, 3, 3, 1), activations=[Activation("sine", 30.0), Activation("relu")])
    check_draws(mixed)
    with pytest.raises(ArchitectureError, match="have relu"):
        check_siren(mixed)
    with pytest.raises(ArchitectureError, match="one layer"):
        check_siren(mlp(widths=(2, 1), activations=[]))
