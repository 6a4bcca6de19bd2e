from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.zoo.cnns import Optimizer, Optimizers
from scalegmn.zoo.cnns._hyperparameters import OPTIMIZERS


def gradients(networks: int, steps: int = 12) -> Tensor:
    dice = torch.Generator().manual_seed(0)
    return torch.randn(steps, networks, 5, generator=dice, dtype=torch.float64)


def of_torch(kind: Optimizer, rate: float, given: Tensor) -> Tensor:
    """Where PyTorch's optimizer ends."""
    theta = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer: torch.optim.Optimizer
    match kind:
        case "sgd":
            optimizer = torch.optim.SGD([theta], lr=rate)
        case "rmsprop":
            optimizer = torch.optim.RMSprop([theta], lr=rate, alpha=0.9, eps=1e-7)
        case "adam":
            # It adds its epsilon elsewhere, which does not show with gradients of this size.
            optimizer = torch.optim.Adam([theta], lr=rate, eps=1e-7)
    for gradient in given:
        theta.grad = gradient.clone()
        optimizer.step()
    return theta.detach()


def test_each_network_has_its_own_optimizer() -> None:
    kinds = (*OPTIMIZERS, *OPTIMIZERS)
    rates = torch.tensor([0.1, 0.2, 0.3, 0.01, 0.02, 0.03], dtype=torch.float64)
    given = gradients(6)
    theta = torch.zeros(6, 5, dtype=torch.float64)
    optimizers = Optimizers(kinds=kinds, learning_rate=rates, like=theta)
    for gradient in given:
        theta -= optimizers.step(gradient)
    for place, (kind, rate) in enumerate(zip(kinds, rates.tolist(), strict=True)):
        wanted = of_torch(kind, rate, given[:, place])
        torch.testing.assert_close(theta[place], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_networks_do_not_influence_each_other(kind: Optimizer) -> None:
    given = gradients(2)
    given[3, 1] = torch.inf
    both = Optimizers(kinds=(kind, "sgd"), learning_rate=torch.ones(2), like=given[0])
    alone = Optimizers(kinds=(kind,), learning_rate=torch.ones(1), like=given[0, :1])
    for gradient in given:
        assert torch.equal(both.step(gradient)[:1], alone.step(gradient[:1]))


def test_plain_descent_takes_any_size_of_gradient() -> None:
    optimizers = Optimizers(kinds=("sgd",), learning_rate=torch.tensor([0.5]), like=torch.zeros(1, 2))
    huge = torch.tensor([[1e25, -1e-25]])
    assert torch.equal(optimizers.step(huge), 0.5 * huge)


def test_some_go_on_as_if_the_others_had_never_been() -> None:
    kinds: tuple[Optimizer, ...] = ("adam", "sgd", "rmsprop", "adam")
    rates = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    given = gradients(4)
    chosen = torch.tensor([3, 2, 1])
    all_of_them = Optimizers(kinds=kinds, learning_rate=rates, like=given[0])
    some = Optimizers(kinds=kinds, learning_rate=rates, like=given[0])
    for number, gradient in enumerate(given):
        if number == 5:
            some.keep(chosen)
        wanted = all_of_them.step(gradient)
        found = some.step(gradient[chosen] if number >= 5 else gradient)
        assert torch.equal(found, wanted[chosen] if number >= 5 else wanted)
