from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population, PopulationWriter
from scalegmn.tasks import Classification
from scalegmn.training import Bins
from scalegmn.training._binned import BinnedReports, binned_reports
from scalegmn.trojans.detection import TrojanDetection
from tests.trojans.detection.detection_cases import twins

TASK = TrojanDetection(label="trojaned", target="target", classes=0, target_weight=0.0)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Twins of which both have an attack success rate, as makers write it; some have none."""
    folder = tmp_path_factory.mktemp("binned")
    made = twins(folder / "made", pairs=40)
    rates = np.linspace(0.5, 1.0, len(made))
    rates[:6] = np.nan
    with PopulationWriter(folder / "population", provenance={}) as writer:
        for number, architecture in enumerate(made.architectures):
            rows = np.flatnonzero(made.column("architecture") == number)
            names = ("network", "trojaned", "trigger_kind")
            columns: dict[str, Any] = {name: made.column(name)[rows] for name in names}
            columns |= {"asr": rates[rows], "ratio": np.where(rows % 3 == 0, 0.01, 0.1)}
            writer.append(architecture, made.theta(rows), columns)
        writer.finish()
    return Population.open(folder / "population")


def outputs_of(population: Population) -> torch.Tensor:
    noise = torch.randn(len(population), 1, generator=torch.Generator().manual_seed(0))
    # What succeeds better is found more easily.
    truth, rates = population.column("trojaned"), np.nan_to_num(population.column("asr"))
    return noise + torch.from_numpy(truth * 8 * (rates - 0.5))[:, None]


def reports(population: Population, bins: Bins, rows: np.ndarray | None = None) -> BinnedReports:
    rows = np.arange(len(population)) if rows is None else rows
    return binned_reports(
        TASK,
        outputs_of(population)[torch.from_numpy(rows)],
        TASK.targets(population, rows),
        population=population,
        rows=rows,
        bins=bins,
        groups=population.column("network")[rows],
    )


@pytest.mark.slow
def test_trojaned_networks_of_a_bin_are_told_from_all_clean_ones(population: Population) -> None:
    found = reports(population, Bins(column="asr", edges=(0.5, 0.7, 0.9, 1.0)))
    truth, rates = population.column("trojaned"), population.column("asr")
    clean = int((~truth).sum())
    for entry, (low, high) in zip(found.entries, ((0.5, 0.7), (0.7, 0.9), (0.9, 1.0)), strict=True):
        inside = truth & (rates >= low) & ((rates < high) | (high == 1.0))
        assert (entry["from"], entry["to"], entry["networks"]) == (low, high, int(inside.sum()))
        assert entry["figures"]["networks"] == clean + inside.sum()
        assert entry["figures"]["trojaned"] == inside.sum()
        chosen = np.flatnonzero(inside | ~truth)
        alone = TASK.report(
            outputs_of(population)[torch.from_numpy(chosen)],
            TASK.targets(population, chosen),
            groups=population.column("network")[chosen],
        )
        assert entry["figures"] == alone.summary
        assert entry["median"] == pytest.approx(np.median(rates[inside]))
    areas = [entry["figures"]["auroc"] for entry in found.entries]
    assert areas == sorted(areas)
    assert found.table.title == f"Over asr, each with the same {clean} others"
    assert [line[0] for line in found.table.rows] == ["0.5 to 0.7", "0.7 to 0.9", "0.9 to 1"]


@pytest.mark.slow
def test_without_edges_bins_hold_about_the_same_number(population: Population) -> None:
    found = reports(population, Bins(column="asr", count=3))
    counts = [entry["networks"] for entry in found.entries]
    known = population.column("trojaned") & np.isfinite(population.column("asr"))
    assert sum(counts) == known.sum() and max(counts) - min(counts) <= 1
    # Few different numbers are bins of their own.
    found = reports(population, Bins(column="ratio"))
    assert [(entry["from"], entry["to"]) for entry in found.entries] == [(0.01, 0.01), (0.1, 0.1)]
    assert [line[0] for line in found.table.rows] == ["0.01", "0.1"]
    assert sum(entry["networks"] for entry in found.entries) == population.column("trojaned").sum()


def test_an_empty_bin_says_nothing(population: Population) -> None:
    found = reports(population, Bins(column="asr", edges=(0.0, 0.1, 1.0)))
    assert found.entries[0]["networks"] == 0 and found.entries[0]["figures"] is None
    assert found.table.rows[0][:3] == ("0 to 0.1", 0, "")


def test_tasks_without_clean_networks_have_bins_of_their_own(population: Population) -> None:
    task = Classification(label="network", classes=[str(number) for number in range(40)])
    rows = np.arange(len(population))
    found = binned_reports(
        task,
        torch.randn(len(rows), 40, generator=torch.Generator().manual_seed(0)),
        task.targets(population, rows),
        population=population,
        rows=rows,
        bins=Bins(column="ratio"),
        groups=None,
    )
    assert [entry["figures"]["networks"] for entry in found.entries] == [
        entry["networks"] for entry in found.entries
    ]
    assert sum(entry["networks"] for entry in found.entries) == len(rows)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (Bins(column="wrong"), r"curve: .* has no column 'wrong'; there are"),
        (Bins(column="trigger_kind"), "column 'trigger_kind' of .* expected numbers; --by takes a column"),
        (Bins(column="asr", edges=(2.0, 3.0)), "none of the 80 networks .* lies in a bin"),
    ],
)
def test_columns_that_cannot_be_divided(bins: Bins, message: str, population: Population) -> None:
    with pytest.raises(ConfigurationError, match=message):
        reports(population, bins)


@pytest.mark.parametrize(
    "wrong", [{"edges": (1.0,)}, {"edges": (1.0, 0.5)}, {"edges": (0.0, float("nan"))}, {"count": 0}]
)
def test_impossible_bins(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"edges|count"):
        Bins(column="asr", **wrong)
