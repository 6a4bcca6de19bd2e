from __future__ import annotations

import torch
from torch import nn

from scalegmn.networks import changed, changed_alike, mlp
from scalegmn.networks._activations import Activation
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator

LAYERED = mlp(widths=(2, 3, 1), activations=[Activation("relu")])
NORMED = ProgramArchitecture.from_module(
    nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1)), torch.zeros(1, 2)
)


def random(architecture: ProgramArchitecture) -> torch.Tensor:
    numbers = torch.randn(4, architecture.num_parameters, generator=generator(0), dtype=torch.float64)
    assert architecture.positive is not None
    return torch.where(architecture.positive, numbers.abs() + 0.1, numbers)


def test_deviations_alone_are_positive() -> None:
    assert LAYERED.positive is None and NORMED.positive is not None
    names = NORMED.unflatten(NORMED.positive[None])
    assert {name for name, value in names.items() if value.any()} == {"1.running_deviation"}
    assert bool(names["1.running_deviation"].all())


def test_positive_parameters_stay_positive_and_the_others_are_added_to() -> None:
    theta, positive = random(NORMED), NORMED.positive
    assert positive is not None
    for size in (-1e3, -1.0, 1.0):
        update = torch.full_like(theta, size)
        found = changed(NORMED, theta, update)
        assert (found[:, positive] > 0).all()
        assert torch.equal(found[:, ~positive], (theta + update)[:, ~positive])
        assert ((found - theta)[:, positive] * size > 0).all()
    assert not ((theta - 1e3)[:, positive] > 0).any(), "a sum would not be"
    plain = torch.randn(5, LAYERED.num_parameters, generator=generator(1))
    assert torch.equal(changed(LAYERED, plain, 2 * plain), 3 * plain)


def test_small_updates_are_added_and_scales_commute() -> None:
    theta = random(NORMED)
    update = torch.randn(theta.shape, generator=generator(2), dtype=torch.float64)
    torch.testing.assert_close(
        changed(NORMED, theta, 1e-6 * update), theta + 1e-6 * update, rtol=0, atol=1e-10
    )
    torch.testing.assert_close(
        changed(NORMED, 7 * theta, 7 * update), 7 * changed(NORMED, theta, update), rtol=1e-12, atol=0
    )


def test_gradients_are_those_of_a_sum_at_no_update() -> None:
    theta = random(NORMED)
    update = torch.zeros_like(theta).requires_grad_()
    changed(NORMED, theta, update).sum().backward()
    assert update.grad is not None and torch.equal(update.grad, torch.ones_like(theta))
    large = (-2 * theta).requires_grad_()
    changed(NORMED, theta, large).sum().backward()
    assert large.grad is not None and torch.isfinite(large.grad).all()


def test_the_change_of_rounded_parameters() -> None:
    theta, positive = random(NORMED), NORMED.positive
    assert positive is not None
    single = theta.float()
    # A deviation that all but vanishes would be lost in the rounding of a difference.
    update = torch.full_like(single, -1e6)
    after = changed(NORMED, single, update)
    found = changed_alike(NORMED, theta, before=single, after=after)
    assert found.dtype == torch.float64 and (found[:, positive] > 0).all()
    torch.testing.assert_close(found, changed(NORMED, theta, update.double()), rtol=1e-5, atol=0)
    assert torch.equal(changed_alike(NORMED, theta, before=single, after=single), theta)
