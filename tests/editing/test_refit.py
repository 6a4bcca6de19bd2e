from __future__ import annotations

import pytest
import torch

from scalegmn.editing import draw, squared_errors, start_refit
from scalegmn.editing._refit import refit
from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activation, Architecture, mlp, siren
from scalegmn.seeding import generator


def networks(architecture: Architecture, count: int = 3) -> torch.Tensor:
    theta = torch.randn(count, architecture.num_parameters, generator=generator(0), dtype=torch.float64)
    return 0.3 * theta


@pytest.mark.parametrize(
    ("architecture", "order"),
    [
        (siren(widths=(2, 6, 1), frequency=8.0), "xy"),
        (siren(widths=(2, 5, 7, 3), frequency=6.0, shift=0.0, names=("a", "b", "c")), "ij"),
    ],
    ids=["gray", "color"],
)
def test_steps_are_those_of_adam(architecture: Architecture, order: str) -> None:
    theta = networks(architecture)
    shape = (3, 5, 4) if architecture.num_outputs == 1 else (3, 5, 4, 3)
    images = torch.rand(shape, generator=generator(1), dtype=torch.float64)
    found = refit(architecture, theta, images, steps=5, order=order, learning_rate=0.01)  # type: ignore[arg-type]
    expected = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([expected], lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        drawn = draw(architecture, expected, size=(5, 4), order=order)  # type: ignore[arg-type]
        (drawn - images).square().flatten(1).mean(1).sum().backward()
        optimizer.step()
    torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-6)


def test_it_comes_closer_to_the_images() -> None:
    architecture = siren(widths=(2, 8, 8, 1), frequency=8.0)
    theta = networks(architecture).float()
    images = torch.rand(3, 6, 6, generator=generator(1))
    fit = start_refit(architecture, theta, images)
    before = squared_errors(draw(architecture, theta, size=(6, 6)), images)
    torch.testing.assert_close(fit.mse(), before, rtol=1e-4, atol=0)
    after = refit(architecture, theta, images, steps=200)
    assert (squared_errors(draw(architecture, after, size=(6, 6)), images) < 0.3 * before).all()


@pytest.mark.parametrize(
    "architecture",
    [
        mlp(widths=(2, 3, 1), activations=[Activation("relu")]),
        mlp(widths=(2, 3, 3, 1), activations=[Activation("sine", 30.0), Activation("sine", 1.0)]),
    ],
    ids=["no sines", "two frequencies"],
)
def test_other_networks_are_refused(architecture: Architecture) -> None:
    with pytest.raises(ArchitectureError, match=r"no SIRENs|cannot be refitted"):
        refit(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, 4, 4), steps=1)


@pytest.mark.parametrize("shape", [(2, 4, 4), (1, 4, 4, 3), (1, 16)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArchitectureError, match=r"expected \(B, H, W\)"):
        start_refit(siren(), torch.zeros(1, 1185), torch.zeros(shape))
