from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.networks import run
from scalegmn.zoo.inrs import InrRecipe, SirenFit, image_coordinates, initial_sine_parameters

# Sizes on both sides of that from which the first layer's sines are taken per row and column.
CASES = [
    pytest.param(InrRecipe(hidden=(5, 4)), (6, 7), 1, id="small gray"),
    pytest.param(InrRecipe(hidden=(5, 4)), (17, 19), 1, id="large gray"),
    pytest.param(InrRecipe(hidden=(4, 5, 3), order="ij", shift=0.0), (18, 16), 3, id="large color ij"),
    pytest.param(InrRecipe(hidden=(6,), frequency=7.0, initialization="siren"), (5, 5), 3, id="one layer"),
]


def problem(recipe: InrRecipe, size: tuple[int, int], channels: int, count: int = 3) -> tuple[Tensor, Tensor]:
    """Initial parameters and random targets, float64."""
    keys = [("train", number, 0) for number in range(count)]
    theta = initial_sine_parameters(recipe, recipe.architecture(channels), seed=0, networks=keys).double()
    targets = torch.rand(count, channels, size[0] * size[1], generator=torch.Generator().manual_seed(0))
    return theta, targets.double()


def fit_of(recipe: InrRecipe, size: tuple[int, int], theta: Tensor, targets: Tensor) -> SirenFit:
    return SirenFit(recipe=recipe, height=size[0], width=size[1], theta=theta, targets=targets)


def errors_of(recipe: InrRecipe, size: tuple[int, int], theta: Tensor, targets: Tensor) -> Tensor:
    """The same errors by the networks' definition."""
    points = image_coordinates(*size, recipe.order).to(theta)
    outputs = run(recipe.architecture(targets.shape[1]), theta, points)
    return (outputs.mT - targets).square().mean(dim=(1, 2))


@pytest.mark.parametrize(("recipe", "size", "channels"), CASES)
def test_gradient_is_that_of_autograd(recipe: InrRecipe, size: tuple[int, int], channels: int) -> None:
    theta, targets = problem(recipe, size, channels)
    fit = fit_of(recipe, size, theta, targets)
    wanted = theta.clone().requires_grad_()
    errors = errors_of(recipe, size, wanted, targets)
    (gradient,) = torch.autograd.grad(errors.sum(), wanted)
    assert torch.equal(fit.theta, theta)
    torch.testing.assert_close(fit.mse(), errors.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(fit.gradient(), gradient, rtol=1e-9, atol=1e-13 * gradient.abs().max().item())


@pytest.mark.parametrize(("recipe", "size", "channels"), CASES[1:3])
def test_steps_are_those_of_adam(recipe: InrRecipe, size: tuple[int, int], channels: int) -> None:
    theta, targets = problem(recipe, size, channels)
    fit = fit_of(recipe, size, theta, targets)
    wanted = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([wanted], lr=recipe.learning_rate)
    for _ in range(15):
        optimizer.zero_grad()
        errors_of(recipe, size, wanted, targets).sum().backward()
        optimizer.step()
        fit.step()
    assert (fit.theta - theta).abs().max() > 1e-3
    torch.testing.assert_close(fit.theta, wanted.detach(), rtol=0, atol=1e-11)


def test_networks_do_not_influence_each_other() -> None:
    recipe, size = InrRecipe(hidden=(5, 4), steps=12), (6, 7)
    theta, targets = problem(recipe, size, 1)
    alone = fit_of(recipe, size, theta[:1], targets[:1])
    alone.run(lambda _: None)
    broken = theta.clone()
    broken[1] = torch.nan
    together = fit_of(recipe, size, broken, targets)
    together.run(lambda _: None)
    torch.testing.assert_close(together.theta[:1], alone.theta, rtol=1e-10, atol=1e-12)
    assert torch.isnan(together.mse()).tolist() == [False, True, False]


def test_progress_is_reported_and_the_fit_improves() -> None:
    recipe, size = InrRecipe(hidden=(8, 8), steps=47), (6, 7)
    theta, targets = problem(recipe, size, 1)
    fit = fit_of(recipe, size, theta.float(), targets.float())
    before = fit.mse()
    reports: list[int] = []
    fit.run(reports.append)
    assert sum(reports) == 47 and len(reports) > 1
    assert (fit.mse() < before).all()


def test_a_report_can_stop_the_fit() -> None:
    recipe, size = InrRecipe(hidden=(3,), steps=1000), (3, 3)
    fit = fit_of(recipe, size, *problem(recipe, size, 1))

    def stop(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fit.run(stop)
