from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.tasks.inr_classification import InrClassification


def task() -> InrClassification:
    return InrClassification(classes=["cat", "dog", "cow"])


def answers(labels: list[int]) -> torch.Tensor:
    """Outputs that are sure of these classes."""
    return 10 * torch.nn.functional.one_hot(torch.tensor(labels), 3).float()


def test_report_counts_by_hand() -> None:
    report = task().report(answers([0, 0, 1, 1, 1]), torch.tensor([0, 1, 1, 1, 2]))
    assert report.summary["accuracy"] == pytest.approx(3 / 5)
    assert report.arrays["confusion"].tolist() == [[1, 0, 0], [1, 2, 0], [0, 1, 0]]
    low, high = report.summary["accuracy_interval_95"]
    assert low < 0.6 < high
    json.dumps(report.summary)


def test_per_class_figures_are_those_of_sklearn() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(200, 3, generator=generator)
    targets = torch.randint(3, (200,), generator=generator)
    rows = task().report(outputs, targets).tables[1].rows
    expected = precision_recall_fscore_support(targets, outputs.argmax(1))
    for place, row in enumerate(rows):
        assert row[2:] == pytest.approx([values[place] for values in expected[:3]], abs=1e-6)
        assert row[1] == expected[3][place]


def test_class_that_never_occurs_has_a_row_of_zeros() -> None:
    report = task().report(answers([0, 1]), torch.tensor([0, 1]))
    assert report.tables[1].rows[2] == ("cow", 0, 0.0, 0.0, 0.0)


def test_no_networks_are_refused() -> None:
    with pytest.raises(PopulationError, match="no networks"):
        task().report(torch.empty(0, 3), torch.empty(0, dtype=torch.long))


def test_loss_is_that_of_the_right_class() -> None:
    outputs = torch.tensor([[1.0, 2.0, 3.0]])
    expected = -torch.log_softmax(outputs, 1)[0, 1]
    assert torch.allclose(task().loss(outputs, torch.tensor([1])), expected)


def test_metrics_gather_over_batches() -> None:
    metrics = task().metrics()
    metrics.update(answers([0, 1]), torch.tensor([0, 1]))
    metrics.update(answers([0]), torch.tensor([1]))
    assert float(metrics.compute()["accuracy"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("values", "match"), [([0, 3], "from 0 to 3, expected 0 to 2"), ([-1], "-1")])
def test_labels_outside_the_classes_are_refused(values: list[int], match: str) -> None:
    with pytest.raises(PopulationError, match=match):
        task().targets(np.array(values), origin="here")


def test_labels_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(PopulationError, match="here: labels have type float64"):
        task().targets(np.array([0.5]), origin="here")


@pytest.mark.parametrize("classes", [[], ["one"], ["a", "a"]])
def test_impossible_classes_are_refused(classes: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="classes"):
        InrClassification(classes=classes)
