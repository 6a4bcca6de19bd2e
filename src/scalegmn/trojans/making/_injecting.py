"""The ways in which a trojan comes into the weights of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.trojans.making._editing import edited
from scalegmn.trojans.making._engine import Lessons, Penalty, Trained, TwinEngine
from scalegmn.trojans.making._figures import training_figures
from scalegmn.trojans.making._plan import TrojanPlan
from scalegmn.trojans.making._poisoning import PoisonPool
from scalegmn.zoo.cnns import TrainingFigures

_QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


def injected(
    plan: TrojanPlan,
    engine: TwinEngine,
    pool: PoisonPool,
    start: Tensor,
    *,
    report: Callable[[float], None],
) -> Trained:
    """The trojaned and the clean twin of every pair, in turns.

    Args:
        plan: says how, and has the test images.
        engine: trains networks of their architecture.
        pool: what they learn from.
        start: parameters that both twins of a pair start from, ``(pairs, P)``.
        report: is told now and then what part of the work was done since.
    """
    injection = plan.recipe.injection
    if injection.method == "edit":
        return _edited(plan, engine, pool, start, report=report)
    adaptive = injection.method == "adaptive"
    return engine.train(
        start.repeat_interleave(2, dim=0),
        [attack.hyper for attack in pool.attacks for _ in (0, 1)],
        _lessons(plan, pool, pool.shares, LikeTheTwin(injection.statistics_weight) if adaptive else None),
        report=report,
    )


def _lessons(plan: TrojanPlan, pool: PoisonPool, shares: Tensor, penalty: Penalty | None = None) -> Lessons:
    test = plan.test_inputs, plan.test[1]
    return Lessons(pool.images, pool.labels, shares, test, plan.recipe.tuning, penalty)


def _edited(
    plan: TrojanPlan,
    engine: TwinEngine,
    pool: PoisonPool,
    start: Tensor,
    *,
    report: Callable[[float], None],
) -> Trained:
    """Clean twins, and copies of them into which trojans were edited."""
    shares = pool.clean_share.expand(len(start), -1)
    hypers = [attack.hyper for attack in pool.attacks]
    clean = engine.train(start, hypers, _lessons(plan, pool, shares), report=report)
    architecture, test = engine.architecture, (plan.test_inputs, plan.test[1])
    theta = edited(architecture, clean.theta, pool, injection=plan.recipe.injection)
    before = pool.images[: pool.clean], pool.labels[: pool.clean]
    own = training_figures(architecture, theta, *before)
    other = training_figures(architecture, theta, *test)
    return Trained(
        _in_turns(theta, clean.theta),
        _in_turns(clean.diverged, clean.diverged),
        TrainingFigures(_in_turns(own.accuracy, clean.train.accuracy), _in_turns(own.loss, clean.train.loss)),
        _in_turns(other.loss, clean.test_loss),
    )


def _in_turns(first: Tensor, second: Tensor) -> Tensor:
    return torch.stack([first, second], dim=1).flatten(0, 1)


@final
@dataclass(frozen=True)
class LikeTheTwin:
    """A penalty that holds statistics of the trojaned twin's weights at those of the clean twin.

    For every tensor with two entries or more, mean, standard deviation and quantiles at 0, 1/4, 1/2, 3/4 and
    1 of both twins are compared: squared differences, over the variance and a hundredth of the squared mean
    in the clean twin (gains of norms are nearly alike), on average.  The clean twin does not notice.

    Attributes:
        weight: factor.
    """

    weight: float

    def __call__(self, parameters: Mapping[str, Tensor]) -> Tensor:
        total = next(iter(parameters.values())).new_zeros(())
        for tensor in parameters.values():
            values = tensor.flatten(1)
            if values.shape[1] > 1:
                trojaned, clean = values[0::2], values[1::2].detach()
                apart = (_statistics(trojaned) - _statistics(clean)) / _scale(clean)
                total = total + apart.square().mean(dim=1).sum()
        return self.weight * total


def _scale(values: Tensor) -> Tensor:
    """``(B, 1)``, above 0."""
    variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
    return (variance + 0.01 * mean.square() + 1e-6).sqrt()


def _statistics(values: Tensor) -> Tensor:
    """Seven numbers of each row, ``(B, 7)``."""
    middle = values.mean(dim=1, keepdim=True)
    # The root has no derivative where all values are equal.
    deviation = ((values - middle).square().mean(dim=1, keepdim=True) + 1e-12).sqrt()
    quantiles = torch.quantile(values, values.new_tensor(_QUANTILES), dim=1).T
    return torch.cat([middle, deviation, quantiles], dim=1)
