from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.metrics import pairwise_rank_loss
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.tasks import Link, Regression, RegressionConfig
from scalegmn.tasks._regression import RegressionLoss

IDENTITY = RegressionConfig(link=Link.identity)
LOG = RegressionConfig(link=Link.identity, log=True)
# Relative: means in float32, whose sums every processor makes in another order.
SINGLE = 1e-5


def population(folder: Path, **columns: object) -> Population:
    count = len(next(iter(columns.values())))  # type: ignore[arg-type]
    architecture = siren(widths=(2, 3, 1))
    with PopulationWriter(folder / "population", provenance={}) as writer:
        writer.append(architecture, torch.zeros(count, architecture.num_parameters), columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder / "population")


def everything(networks: Population) -> np.ndarray:
    return np.arange(len(networks))


def fitted(networks: Population, label: str, config: RegressionConfig) -> Regression:
    return Regression.from_population(
        label=label, config=config, population=networks, rows=everything(networks)
    )


def test_shares_are_their_own_targets(tmp_path: Path) -> None:
    networks = population(tmp_path, accuracy=[0.5, 0.0, 1.0, 0.25])
    task = fitted(networks, "accuracy", RegressionConfig())
    assert (task.center, task.spread) == (0, 1)
    assert task.targets(networks, np.array([3, 0])).tolist() == [0.25, 0.5]


def test_other_numbers_are_standardized_by_the_training_networks(tmp_path: Path) -> None:
    networks = population(tmp_path, steps=[100, 300, 500, 10_000])
    task = Regression.from_population(label="steps", config=IDENTITY, population=networks, rows=np.arange(3))
    targets = task.targets(networks, everything(networks))
    assert targets[:3].mean().abs() < 1e-6
    assert float(targets[:3].std(correction=0)) == pytest.approx(1)
    assert targets[3] > 50
    # A prediction of 0 is the mean, a prediction of 1 one deviation more.
    values = [entry["value"] for entry in task.describe(torch.tensor([[0.0], [1.0]]))]
    assert values == pytest.approx([300, 300 + np.std([100, 300, 500])])


def test_logarithms_are_learned_and_numbers_described(tmp_path: Path) -> None:
    networks = population(tmp_path, rate=[1e-4, 1e-3, 1e-2, 1e-1])
    task = fitted(networks, "rate", LOG)
    assert task.center == pytest.approx(-2.5)
    targets = task.targets(networks, everything(networks))
    described = task.describe(targets[:, None])
    assert [entry["value"] for entry in described] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1], rel=SINGLE)
    report = task.report(targets[:, None] + 1 / task.spread, targets)
    # Ten times too much everywhere: one decade.
    assert report.summary["scale"] == "log10"
    assert report.summary["mae"] == pytest.approx(1, rel=SINGLE)
    assert report.arrays["predictions"][:, 1] == pytest.approx(
        10 * report.arrays["predictions"][:, 0], rel=SINGLE
    )
    error = task.metrics()
    error.update(targets[:, None] + 1 / task.spread, targets)
    assert float(error.compute()["mae"]) == pytest.approx(1)
    assert float(error.compute()["kendall_tau"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("config", "values", "match"),
    [
        (RegressionConfig(), [0.5, 63.2, 0.1], r"column 'x': is 63.2 for network 1 .* shares from 0 to 1"),
        (RegressionConfig(), [0.5, np.nan, 0.1], "is nan for network 1 .* finite"),
        (IDENTITY, [0.5, 3.0, np.inf], "is inf for network 2"),
        (LOG, [0.5, 3.0, 0.0], "is 0.0 for network 2 .* numbers above 0"),
        (IDENTITY, ["a", "b", "a"], "expected numbers; .* task classification"),
        (IDENTITY, [True, False, True], "has type bool, expected numbers"),
        (IDENTITY, [2, 2, 2], "is 2.0 for all 3 training networks, expected different numbers"),
        (RegressionConfig(), [0.3, 0.3, 0.3], "is 0.3 for all 3 training networks"),
        (LOG, [1e-3, 1e-3, 1e-3], "for all 3 training networks"),
    ],
)
def test_columns_that_cannot_be_learned_are_refused(
    tmp_path: Path, config: RegressionConfig, values: list[object], match: str
) -> None:
    networks = population(tmp_path, x=values)
    with pytest.raises(PopulationError, match=match) as caught:
        fitted(networks, "x", config)
    assert str(networks.folder) in str(caught.value)


def test_unknown_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"no column 'accuracy'.*'x'"):
        fitted(population(tmp_path, x=[1, 2]), "accuracy", IDENTITY)


def test_constant_test_networks_are_targets_all_the_same(tmp_path: Path) -> None:
    networks = population(tmp_path, x=[1.0, 2.0, 5.0, 5.0])
    task = Regression.from_population(label="x", config=IDENTITY, population=networks, rows=np.arange(2))
    assert task.targets(networks, np.array([2, 3])).tolist() == pytest.approx([7, 7])


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"rank_weight": -1.0}, "rank_weight is -1.0"),
        ({"rank_weight": float("nan")}, "rank_weight is nan"),
        ({"log": True}, "log is true with the link sigmoid"),
        ({"link": Link.identity, "loss": RegressionLoss.bce}, "loss is bce with the link identity"),
    ],
)
def test_contradictions_are_refused(entries: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigurationError, match=f"RegressionConfig: {match}"):
        RegressionConfig(**entries)  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.0, -1.0, float("nan")])
def test_impossible_spread_is_refused(spread: float) -> None:
    with pytest.raises(ConfigurationError, match=f"spread {spread} of the column 'x'"):
        Regression(label="x", config=IDENTITY, spread=spread)


def test_losses_by_hand() -> None:
    outputs, targets = torch.tensor([[0.0], [1.0], [-2.0]]), torch.tensor([0.25, 1.0, 0.5])
    shares = outputs[:, 0].sigmoid()
    squares = (shares - targets).square().mean()
    assert torch.allclose(Regression(label="x", config=RegressionConfig()).loss(outputs, targets), squares)
    bce = RegressionConfig(loss=RegressionLoss.bce)
    entropy = -(targets * shares.log() + (1 - targets) * (1 - shares).log()).mean()
    assert torch.allclose(Regression(label="x", config=bce).loss(outputs, targets), entropy)
    plain = (outputs[:, 0] - targets).square().mean()
    assert torch.allclose(Regression(label="x", config=IDENTITY).loss(outputs, targets), plain)
    ranked = RegressionConfig(rank_weight=0.5)
    with_rank = squares + 0.5 * pairwise_rank_loss(outputs[:, 0], targets)
    task = Regression(label="x", config=ranked)
    assert torch.allclose(task.loss(outputs, targets), with_rank)
    # The report's loss does not depend on how networks are batched.
    assert task.report(outputs, targets).summary["loss"] == pytest.approx(float(squares), rel=SINGLE)


def test_report_is_about_numbers_of_the_column() -> None:
    task = Regression(label="x", config=IDENTITY, center=10.0, spread=4.0)
    targets = torch.randn(80, generator=generator(0))
    outputs = targets + 0.3 * torch.randn(80, generator=generator(1))
    report = task.report(outputs[:, None], targets)
    assert report.summary["mae"] == pytest.approx(4 * float((outputs - targets).abs().mean()), rel=1e-5)
    assert report.arrays["predictions"][:, 0] == pytest.approx((10 + 4 * targets).numpy(), rel=1e-5)
    metrics = task.metrics()
    metrics.update(outputs[:, None], targets)
    found = metrics.compute()
    assert float(found["mae"]) == pytest.approx(report.summary["mae"], rel=1e-5)
    assert float(found["kendall_tau"]) == pytest.approx(report.summary["kendall_tau"])
    assert task.monitor in found
    assert task.larger_is_better


def test_answers_of_half_precision_are_read() -> None:
    task = Regression(label="x", config=RegressionConfig(rank_weight=0.1))
    outputs = torch.randn(20, 1, generator=generator(0)).bfloat16()
    targets = torch.rand(20, generator=generator(1))
    assert task.loss(outputs, targets).dtype == torch.float32
    task.report(outputs, targets)
    metrics = task.metrics()
    metrics.update(outputs, targets)
    assert metrics.compute()["kendall_tau"].isfinite()


@pytest.mark.slow
def test_groups_of_networks_widen_the_interval() -> None:
    task = Regression(label="x", config=IDENTITY)
    base = torch.randn(40, generator=generator(0)).repeat_interleave(5)
    noise = torch.randn(40, generator=generator(1)).repeat_interleave(5)
    jitter = 0.01 * torch.randn(200, generator=generator(2))
    outputs, groups = (base + noise + jitter)[:, None], np.repeat(np.arange(40), 5)

    def width(**arguments: np.ndarray) -> float:
        low, high = task.report(outputs, base + jitter, **arguments).summary["kendall_tau_interval_95"]
        return float(high - low)

    assert width(groups=groups) > 1.5 * width()


@pytest.mark.parametrize(
    "config",
    [
        RegressionConfig(loss=RegressionLoss.bce, rank_weight=0.3),
        LOG,
    ],
)
def test_configuration_comes_back(config: RegressionConfig) -> None:
    task = Regression(label="rate", config=config, center=-2.5, spread=0.75)
    copy = Regression.from_config(json.loads(json.dumps(task.to_config())))
    assert copy.to_config() == task.to_config()
    assert (copy.label, copy.config, copy.center, copy.spread) == ("rate", config, -2.5, 0.75)
    assert copy.outputs == 1
