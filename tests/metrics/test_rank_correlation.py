from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import kendall_tau, pairwise_rank_loss, spearman_rho
from scalegmn.seeding import generator


def tau_by_pairs(true: np.ndarray, predicted: np.ndarray) -> float:
    """Tau-b by its definition."""
    signs = np.array(
        [
            (np.sign(true[i] - true[j]), np.sign(predicted[i] - predicted[j]))
            for i, j in itertools.combinations(range(len(true)), 2)
        ]
    )
    untied = (signs != 0).sum(axis=0)
    return float(signs.prod(axis=1).sum() / np.sqrt(untied.prod()))


@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_tau_is_that_of_the_definition_with_ties(levels: int) -> None:
    random = np.random.default_rng(levels)
    true = random.integers(0, levels, 60)
    predicted = (true + random.integers(0, levels, 60)) // 2
    assert kendall_tau(true, predicted) == pytest.approx(tau_by_pairs(true, predicted), abs=1e-12)


def test_ties_do_not_keep_right_answers_from_1() -> None:
    true = np.array([0.1, 0.1, 0.2, 0.3, 0.3])
    assert kendall_tau(true, true**3) == pytest.approx(1)
    assert kendall_tau(true, -true) == pytest.approx(-1)
    # Three pairs have an order in the true list and five in the predicted one; the three agree.  Leaving
    # out all ties would give 3/3, counting all pairs 3/6.
    assert kendall_tau(np.array([0, 0, 0, 1]), np.array([1, 0, 0, 2])) == pytest.approx(3 / np.sqrt(3 * 5))


def test_copies_of_networks_change_nothing_about_right_order() -> None:
    random = np.random.default_rng(0)
    true = random.random(200)
    predicted = true + 0.1 * random.random(200)
    once = kendall_tau(true, predicted)
    assert once is not None
    assert kendall_tau(np.repeat(true, 3), np.repeat(predicted, 3)) == pytest.approx(once, abs=1e-12)


@pytest.mark.parametrize("figure", [kendall_tau, spearman_rho])
@pytest.mark.parametrize(
    ("true", "predicted"), [([], []), ([1.0], [2.0]), ([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [3.0, 3.0])]
)
def test_without_order_there_is_none(figure: object, true: list[float], predicted: list[float]) -> None:
    assert figure(np.array(true), np.array(predicted)) is None  # type: ignore[operator]


def test_spearman_by_hand() -> None:
    true, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])
    # 1 - 6 sum d^2 / (n (n^2 - 1)) where there are no ties.
    assert spearman_rho(true, predicted) == pytest.approx(1 - 6 * 2 / (4 * 15))
    tied = np.array([1.0, 1.0, 2.0, 3.0])
    expected = np.corrcoef([1.5, 1.5, 3, 4], [1, 3, 2, 4])[0, 1]
    assert spearman_rho(tied, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("figure", [kendall_tau, spearman_rho])
def test_bad_lists_are_refused(figure: object) -> None:
    with pytest.raises(ConfigurationError, match=r"\(2,\) and predicted ones of shape \(3,\)"):
        figure(np.zeros(2), np.zeros(3))  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match="not finite"):
        figure(np.array([1.0, np.nan]), np.zeros(2))  # type: ignore[operator]


def test_rank_loss_by_hand() -> None:
    scores = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float32)
    spread = float(scores.std(correction=0))
    # Network 1 is above 0; networks 0 and 2 are tied; 1 is above 2.
    loss = pairwise_rank_loss(scores, torch.tensor([0.0, 1.0, 0.0]))
    assert float(loss) == pytest.approx(np.log1p(np.exp(2 / (0.25 * spread))), rel=1e-5)


def test_rank_loss_is_about_order_alone() -> None:
    scores = torch.randn(30, generator=generator(0))
    targets = torch.rand(30, generator=generator(1))
    loss = pairwise_rank_loss(scores, targets)
    assert torch.allclose(pairwise_rank_loss(50 * scores + 3, targets), loss, rtol=1e-4)
    assert torch.allclose(pairwise_rank_loss(scores, targets.exp()), loss)
    assert pairwise_rank_loss(targets, targets) < 0.3 < loss < pairwise_rank_loss(-targets, targets)


def test_rank_loss_brings_order() -> None:
    targets = torch.rand(40, generator=generator(1))
    scores = torch.randn(40, generator=generator(0)).requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        pairwise_rank_loss(scores, targets).backward()
        optimizer.step()
    tau = kendall_tau(targets.numpy(), scores.detach().numpy())
    assert tau is not None
    assert tau > 0.95


@pytest.mark.parametrize("count", [1, 2, 5])
def test_rank_loss_without_order_is_zero_and_has_finite_gradients(count: int) -> None:
    scores = torch.zeros(count, requires_grad=True)
    loss = pairwise_rank_loss(scores, torch.ones(count))
    loss.backward()
    assert float(loss.detach()) == 0
    assert scores.grad is not None
    assert scores.grad.abs().sum() == 0
    # All outputs the same, targets not: a finite gradient that tells them apart.
    pairwise_rank_loss(scores, torch.arange(count).float()).backward()
    assert scores.grad.isfinite().all()
    assert bool((scores.grad != 0).any()) == (count > 1)
