from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from scalegmn.comparison._differences import DRAWS, PairedDifference, differences_of
from scalegmn.comparison._finished import ERRORS, ModelResult, RunResult
from scalegmn.metrics import kendall_tau, resamples
from scalegmn.populations import PopulationWriter
from scalegmn.training import DataConfig
from tests.comparison.cases import finished
from tests.training.small import small_population

NETWORKS = 40
NOWHERE = DataConfig(population=Path("nowhere"))


def run_of(folder: Path, seed: int, noise: float, *, scale: float = 1.0, count: int = NETWORKS) -> RunResult:
    """A training whose predictions are the truth and noise."""
    random = np.random.default_rng(7)
    true = random.uniform(size=count)
    predicted = true + noise * np.random.default_rng(seed + 100).normal(size=count)
    tau = kendall_tau(true, predicted)
    return finished(folder, seed, {"kendall_tau": tau}, scale * np.stack([true, predicted], axis=1))


def model_of(folder: Path, name: str, noise: float, seeds: tuple[int, ...] = (0, 1)) -> ModelResult:
    return ModelResult(name, tuple(run_of(folder / f"{name}{seed}", seed, noise) for seed in seeds))


def difference(models: list[ModelResult], data: DataConfig = NOWHERE) -> PairedDifference:
    found = differences_of(models, reference="a", metric="kendall_tau", data=data)
    assert set(found) == {"b"}
    return found["b"]


@pytest.mark.slow
def test_differences_are_paired_by_seed(tmp_path: Path) -> None:
    a, b = model_of(tmp_path, "a", 0.1, seeds=(0, 1, 2)), model_of(tmp_path, "b", 0.4, seeds=(1, 2, 3))
    found = difference([a, b])
    values = [{run.seed: run.test["kendall_tau"] for run in model.runs} for model in (a, b)]
    assert found.by_seed == {seed: values[1][seed] - values[0][seed] for seed in (1, 2)}
    assert found.mean == pytest.approx(np.mean(list(found.by_seed.values())))
    assert found.deviation == pytest.approx(np.std(list(found.by_seed.values()), ddof=1))


@pytest.mark.slow
def test_interval_is_that_of_the_bootstrap_of_the_mean_difference(tmp_path: Path) -> None:
    a, b = model_of(tmp_path, "a", 0.1), model_of(tmp_path, "b", 0.4)
    drawn = []
    for rows in resamples(count=NETWORKS, draws=DRAWS):
        taus = [[kendall_tau(*run.predictions[rows].T) for run in model.runs] for model in (a, b)]  # type: ignore[index]
        drawn.append(np.mean(np.subtract(taus[1], taus[0])))
    found = difference([a, b])
    assert found.interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)))
    assert found.interval is not None
    assert found.interval[0] < found.mean < found.interval[1] < 0


@pytest.mark.slow
def test_pairing_makes_the_interval_narrow(tmp_path: Path) -> None:
    """Two models that make almost the same errors differ by little, however uncertain each of them is."""
    a = model_of(tmp_path, "a", 0.5)
    runs = []
    for run in a.runs:
        numbers = run.predictions
        assert numbers is not None
        close = numbers + [[0.0, 1e-3]] * np.random.default_rng(run.seed).normal(size=(NETWORKS, 1))
        tau = kendall_tau(close[:, 0], close[:, 1])
        runs.append(finished(tmp_path / f"b{run.seed}", run.seed, {"kendall_tau": tau}, close))
    found = difference([a, ModelResult("b", tuple(runs))]).interval
    assert found is not None
    assert found[1] - found[0] < 0.02
    same = ModelResult("b", a.runs)
    assert difference([a, same]).interval == (0.0, 0.0)


@pytest.mark.slow
def test_networks_that_belong_together_are_drawn_together(tmp_path: Path) -> None:
    population = small_population(tmp_path / "pairs", networks=4 * NETWORKS)
    assert population.column("split").tolist().count("test") == NETWORKS
    # The same networks, each standing alone.
    with PopulationWriter(tmp_path / "single", provenance={}) as writer:
        columns = {"label": population.column("label"), "split": population.column("split")}
        writer.append(population.architecture, population.theta(range(len(population))), columns)
        writer.finish()
    models = [model_of(tmp_path, "a", 0.1), model_of(tmp_path, "b", 0.4)]
    alone = difference(models, DataConfig(population=tmp_path / "single"))
    together = difference(models, DataConfig(population=tmp_path / "pairs"))
    assert alone.interval == difference(models).interval
    assert together.interval != alone.interval
    images = population.column("image")[population.column("split") == "test"]
    drawn = []
    for rows in resamples(count=NETWORKS, groups=images, draws=DRAWS):
        taus = [[kendall_tau(*run.predictions[rows].T) for run in model.runs] for model in models]  # type: ignore[index]
        drawn.append(np.mean(np.subtract(taus[1], taus[0])))
    assert together.interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


@pytest.mark.parametrize("case", ["no predictions", "other networks", "another number of networks"])
def test_no_interval_without_answers_about_the_same_networks(case: str, tmp_path: Path) -> None:
    a, b = model_of(tmp_path, "a", 0.1), model_of(tmp_path, "b", 0.4)
    match case:
        case "no predictions":
            odd = finished(tmp_path / "odd", 0, {"kendall_tau": 0.5})
        case "other networks":
            odd = run_of(tmp_path / "odd", 0, 0.4, scale=2.0)
        case _:
            odd = run_of(tmp_path / "odd", 0, 0.4, count=NETWORKS - 1)
    found = difference([a, ModelResult("b", (odd, b.runs[1]))])
    assert found.interval is None
    assert set(found.by_seed) == {0, 1}


def test_undefined_figures_are_left_out(tmp_path: Path) -> None:
    a, b = model_of(tmp_path, "a", 0.1), model_of(tmp_path, "b", 0.4)
    constant = finished(tmp_path / "flat", 0, {"kendall_tau": None})
    assert set(difference([a, ModelResult("b", (constant, b.runs[1]))]).by_seed) == {1}
    nothing = [a, ModelResult("b", (constant,)), ModelResult("c", ())]
    assert differences_of(nothing, reference="a", metric="kendall_tau", data=NOWHERE) == {}


def test_other_figures_are_compared_by_seed_alone(tmp_path: Path) -> None:
    runs = [finished(tmp_path / name, 0, {"accuracy": value}) for name, value in (("a", 0.5), ("b", 0.75))]
    models = [ModelResult(name, (run,)) for name, run in zip("ab", runs, strict=True)]
    found = differences_of(models, reference="a", metric="accuracy", data=NOWHERE)["b"]
    assert (found.mean, found.deviation, found.interval) == (0.25, None, None)


def test_errors_of_edited_networks_are_paired_by_network(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    before = random.uniform(size=NETWORKS)
    models, errors = [], {}
    for name, share in (("a", 0.5), ("b", 0.4)):
        errors[name] = share * before * random.uniform(0.9, 1.1, size=NETWORKS)
        run = finished(tmp_path / name, 0, {"mse_x100": 100 * errors[name].mean()})
        np.save(run.folder / ERRORS, np.stack([before, errors[name]], axis=1))
        models.append(ModelResult(name, (run,)))
    left_alone = dataclasses.replace(models[0].runs[0], test={"mse_x100": 100 * before.mean()})
    models.append(ModelResult("no edit", (left_alone,), trained=False))
    found = differences_of(models, reference="a", metric="mse_x100", data=NOWHERE)
    difference = errors["b"] - errors["a"]
    drawn = [100 * difference[rows].mean() for rows in resamples(count=NETWORKS, draws=DRAWS)]
    assert found["b"].interval == pytest.approx(np.quantile(drawn, (0.025, 0.975)))
    # The folder of a training says nothing about networks that were left alone.
    assert found["no edit"].interval is None
    assert found["no edit"].mean == pytest.approx(100 * (before - errors["a"]).mean())
