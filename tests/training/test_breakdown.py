from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population
from scalegmn.training import Report
from scalegmn.training._breakdown import breakdown, report_in_parts
from scalegmn.trojans.detection import TrojanDetection
from tests.trojans.detection.detection_cases import CLASSES, KINDS, twins

TASK = TrojanDetection(label="trojaned", target="target", classes=CLASSES, target_weight=0.2)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return twins(tmp_path_factory.mktemp("breakdown"), pairs=24)


def outputs_of(population: Population) -> torch.Tensor:
    return torch.randn(len(population), 1 + CLASSES, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_parts_are_reports_of_their_own(population: Population) -> None:
    rows = np.arange(len(population))[::-1].copy()
    outputs, targets = outputs_of(population), TASK.targets(population, rows)
    report = report_in_parts(
        TASK, outputs, targets, population=population, rows=rows, groups=population.column("network")[rows]
    )
    assert set(report.summary["by_trigger_kind"]) == set(KINDS)
    assert set(report.summary["by_activation"]) == {"relu", "tanh"}
    own = torch.from_numpy(population.column("trigger_kind")[rows] == "patch")
    alone = TASK.report(outputs[own], targets[own], groups=population.column("network")[rows][own.numpy()])
    assert report.summary["by_trigger_kind"]["patch"] == alone.summary
    # A kind's trojaned networks are compared with their clean twins.
    assert alone.summary["trojaned"] < alone.summary["networks"]
    (table,) = (table for table in report.tables if table.title == "By trigger_kind")
    assert table.columns[:5] == ("trigger_kind", "networks", "auroc", "95 % from", "to")
    assert table.rows[0][:3] == ("patch", alone.summary["networks"], alone.summary["auroc"])


def test_a_value_with_one_kind_of_networks_is_said_to_be_undefined(population: Population) -> None:
    rows = np.arange(len(population))
    table, parts = breakdown(
        TASK,
        outputs_of(population),
        TASK.targets(population, rows),
        population=population,
        rows=rows,
        by="trojaned",
        groups=None,
    )
    assert parts["False"]["auroc"] is None and parts["True"]["auroc"] is None
    assert parts["True"]["target_accuracy"] is not None and parts["False"]["target_accuracy"] is None
    assert [row[2] for row in table.rows] == ["undefined", "undefined"]


def test_what_the_population_does_not_have_is_passed_over(tmp_path: Path) -> None:
    population = twins(tmp_path, pairs=12, without=("trigger_kind",))
    rows = np.flatnonzero(population.column("activation") == "relu")
    targets = TASK.targets(population, rows)

    def found(rows: np.ndarray) -> Report:
        return report_in_parts(
            TASK, outputs_of(population)[: len(rows)], targets, population=population, rows=rows, groups=None
        )

    assert not [name for name in found(rows).summary if name.startswith("by_")]
    with pytest.raises(ConfigurationError, match="no column 'trigger_kind'"):
        breakdown(
            TASK,
            outputs_of(population),
            targets,
            population=population,
            rows=rows,
            by="trigger_kind",
            groups=None,
        )
