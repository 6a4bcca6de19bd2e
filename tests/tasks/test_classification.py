from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.tasks import Classification


def task() -> Classification:
    return Classification(label="label", classes=["cat", "dog", "cow"])


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


def population(folder: Path, **columns: object) -> Population:
    architecture = siren(widths=(2, 3, 1))
    count = len(next(iter(columns.values())))  # type: ignore[arg-type]
    with PopulationWriter(folder, provenance={"class_names": ["cat", "dog", "cow", "hen"]}) as writer:
        writer.append(architecture, torch.zeros(count, architecture.num_parameters), columns)  # type: ignore[arg-type]
        writer.finish()
    return Population.open(folder)


@pytest.mark.parametrize(("values", "match"), [([0, 3], "from 0 to 3, expected 0 to 2"), ([-1], "-1")])
def test_labels_outside_the_classes_are_refused(tmp_path: Path, values: list[int], match: str) -> None:
    networks = population(tmp_path, label=np.array(values))
    with pytest.raises(PopulationError, match=match):
        task().targets(networks, np.arange(len(networks)))


def test_labels_that_are_no_classes_are_refused(tmp_path: Path) -> None:
    networks = population(tmp_path, label=np.array([0.5]))
    with pytest.raises(PopulationError, match="column 'label': has type float64, expected integers or words"):
        task().targets(networks, np.array([0]))


def test_numbers_have_the_names_of_the_population(tmp_path: Path) -> None:
    networks = population(tmp_path, label=np.array([0, 2]), other=np.array([1, 0]))
    named = Classification.from_population(networks, label="label", rows=np.array([0, 1]))
    assert named.classes == ("cat", "dog", "cow", "hen")
    # The names are those of the labels, not of any other column.
    assert Classification.from_population(networks, label="other", rows=np.array([0, 1])).classes == (
        "0",
        "1",
    )


def test_words_are_classes(tmp_path: Path) -> None:
    networks = population(tmp_path, optimizer=["sgd", "adam", "sgd", "rmsprop"])
    known = Classification.from_population(networks, label="optimizer", rows=np.array([0, 1, 2]))
    assert known.classes == ("adam", "sgd")
    assert known.targets(networks, np.array([2, 1, 0])).tolist() == [1, 0, 1]
    with pytest.raises(PopulationError, match=r"'optimizer': has \['rmsprop'\], expected one of"):
        known.targets(networks, np.array([3]))


def test_truth_values_are_classes(tmp_path: Path) -> None:
    networks = population(tmp_path, residual=[True, False, True])
    known = Classification.from_population(networks, label="residual", rows=np.arange(3))
    assert known.classes == ("False", "True")
    assert known.targets(networks, np.arange(3)).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array([4, 4, 4]), "column 'x' is 4 for all 3 training networks, expected at least two classes"),
        (["adam"] * 3, "column 'x' is adam for all 3 training networks"),
        (np.array([0.1, 0.2, 0.3]), "column 'x': has type float64, expected integers or words"),
        (["adam", None, "sgd"], "column 'x': has None for 1 of the networks, expected a word for each"),
        (np.array([1, 2**62, 3]), "column 'x' runs up to 4611686018427387904, expected at most 1000 classes"),
        ([f"file {n}" for n in range(1001)], "column 'x' has 1001 different values, expected at most 1000"),
    ],
)
def test_columns_that_hold_no_classes_are_refused(tmp_path: Path, values: object, match: str) -> None:
    networks = population(tmp_path, x=values)
    with pytest.raises(PopulationError, match=match):
        Classification.from_population(networks, label="x", rows=np.arange(len(networks)))


def test_one_answer_for_all_networks_is_beside_the_figures() -> None:
    report = task().report(answers([0, 0, 1, 1]), torch.tensor([1, 1, 1, 0]))
    best = report.summary["most_frequent_class"]
    assert best["accuracy"] == 3 / 4
    # The entropy of the shares of classes.
    assert best["loss"] == pytest.approx(-(3 * np.log(3 / 4) + np.log(1 / 4)) / 4)


def test_answers_are_described_in_words() -> None:
    first, second = task().describe(answers([2, 0]))
    assert (first["class"], second["class"]) == ("cow", "cat")
    assert first["probability"] == pytest.approx(first["probabilities"]["cow"])
    assert sum(first["probabilities"].values()) == pytest.approx(1)


def test_description_comes_back() -> None:
    again = Classification.from_config(json.loads(json.dumps(task().to_config())))
    assert (again.label, again.classes) == (task().label, task().classes)


@pytest.mark.parametrize("classes", [[], ["one"], ["a", "a"]])
def test_impossible_classes_are_refused(classes: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="classes"):
        Classification(label="label", classes=classes)


def test_checkpoints_of_one_training_widen_the_interval() -> None:
    task = Classification(label="kind", classes=("a", "b"))
    g = torch.Generator().manual_seed(0)
    right = (torch.rand(40, generator=g) < 0.7).repeat_interleave(5)
    targets = torch.zeros(200, dtype=torch.long)
    outputs = torch.stack([right.float(), 1 - right.float()], dim=1)
    plain = task.report(outputs, targets).summary["accuracy_interval_95"]
    alone = task.report(outputs, targets, groups=np.arange(200)).summary["accuracy_interval_95"]
    grouped = task.report(outputs, targets, groups=np.arange(200) // 5).summary["accuracy_interval_95"]
    assert alone == plain
    assert grouped[1] - grouped[0] > 1.5 * (plain[1] - plain[0])
