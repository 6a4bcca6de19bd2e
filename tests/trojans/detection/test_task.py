from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.detection import DetectionConfig, TrojanDetection
from scalegmn.trojans.detection._task import TARGET_WEIGHT, DetectionTargets
from tests.trojans.detection.detection_cases import CLASSES, twins

TASK = TrojanDetection(label="trojaned", target="target", classes=3, target_weight=0.5)
PLAIN = TrojanDetection(label="trojaned", target="target", classes=0, target_weight=0.0)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return twins(tmp_path_factory.mktemp("twins"))


def task_of(population: Population, **config: object) -> TrojanDetection:
    return TrojanDetection.from_population(
        population,
        config=DetectionConfig(**config),  # type: ignore[arg-type]
        rows={"training": np.arange(len(population))},
        architectures=population.architectures,
    )


def answers(count: int = 40, *, seed: int = 0) -> tuple[Tensor, DetectionTargets]:
    random = torch.Generator().manual_seed(seed)
    truth = torch.arange(count) % 2
    outputs = torch.randn(count, 4, generator=random)
    outputs[:, 0] += truth
    suspects = torch.where(truth == 1, torch.arange(count) // 2 % 3, -1)
    return outputs, DetectionTargets(truth, suspects)


def test_targets_are_of_trojaned_networks_only(population: Population) -> None:
    task = task_of(population)
    assert (task.classes, task.target_weight, task.outputs) == (CLASSES, TARGET_WEIGHT, 1 + CLASSES)
    rows = np.arange(len(population))[::-1].copy()
    targets = task.targets(population, rows)
    assert targets.trojaned.dtype == targets.suspect.dtype == torch.int64 and len(targets) == len(rows)
    trojaned = population.column("trojaned")[rows]
    np.testing.assert_array_equal(targets.trojaned.numpy(), trojaned)
    np.testing.assert_array_equal(
        targets.suspect.numpy(), np.where(trojaned, population.column("target")[rows], -1)
    )
    assert task.fit_targets(targets).tolist() == trojaned.astype(int).tolist()


def test_failed_attacks_have_no_target_whatever_the_label(population: Population) -> None:
    task = task_of(population, label="poisoned")
    targets = task.targets(population, np.arange(len(population)))
    failed = population.column("failed_attack")
    assert failed.any() and (targets.trojaned[failed] == 1).all() and (targets.suspect[failed] == -1).all()
    learned = population.column("trojaned")
    np.testing.assert_array_equal(targets.suspect[learned], population.column("target")[learned])


def test_loss_is_that_of_both_questions() -> None:
    outputs, targets = answers(6)
    expected = 0.0
    for row, truth in zip(outputs.double(), targets.trojaned, strict=True):
        p = 1 / (1 + math.exp(-float(row[0])))
        expected -= math.log(p if truth else 1 - p) / 6
    for row, truth, suspect in zip(outputs.double(), targets.trojaned, targets.suspect, strict=True):
        if truth:
            expected -= 0.5 * float(row[1:].log_softmax(0)[suspect]) / 3
    assert float(TASK.loss(outputs, targets)) == pytest.approx(expected, rel=1e-5)
    # A model that addresses the first question only is evaluated by it alone.
    assert float(TASK.loss(outputs[:, :1], targets)) == pytest.approx(
        float(PLAIN.loss(outputs[:, :1], targets))
    )
    assert float(TASK.loss(outputs[:, :1], targets)) < expected


def test_loss_of_clean_networks_has_a_finite_gradient() -> None:
    outputs = torch.randn(5, 4, requires_grad=True)
    targets = DetectionTargets(torch.zeros(5, dtype=torch.long), torch.full((5,), -1))
    loss = TASK.loss(outputs, targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()
    assert (outputs.grad[:, 1:] == 0).all() and (outputs.grad[:, 0] > 0).all()


def test_report_has_the_figures_and_arrays() -> None:
    outputs, targets = answers()
    report = TASK.report(outputs, targets, groups=np.arange(40) // 2)
    found = report.summary
    truth, logits = targets.trojaned.numpy(), outputs[:, 0].double().numpy()
    p = 1 / (1 + np.exp(-logits))
    assert (found["networks"], found["trojaned"]) == (40, 20)
    wins = [a > b for a in logits[truth == 1] for b in logits[truth == 0]]
    assert found["auroc"] == pytest.approx(np.mean(wins))
    low, high = found["auroc_interval_95"]
    assert low < found["auroc"] < high
    assert found["brier"] == pytest.approx(np.mean((p - truth) ** 2))
    assert found["accuracy"] == pytest.approx(np.mean((p >= 0.5) == (truth == 1)))
    assert found["loss"] == pytest.approx(float(TASK.loss(outputs, targets)))
    own = targets.suspect >= 0
    hits = (outputs[own, 1:].argmax(1) == targets.suspect[own]).double().mean()
    assert found["target_accuracy"] == pytest.approx(float(hits))
    low, high = found["target_accuracy_interval_95"]
    assert low < found["target_accuracy"] < high
    assert set(report.arrays) == {"scores", "roc", "calibration"}
    np.testing.assert_allclose(report.arrays["scores"], np.stack([truth, logits], 1))
    assert report.arrays["calibration"].shape == (15, 4)
    assert set(TASK.headline) <= set(found)
    assert any("20 clean networks" in remark for remark in found["remarks"])


@pytest.mark.slow
def test_intervals_resample_whole_groups() -> None:
    """Copies of networks tell nothing new: the interval is that of the networks themselves."""
    outputs, targets = answers(24)
    copies = torch.arange(24).repeat_interleave(4)
    alone = TASK.report(outputs, targets).summary["auroc_interval_95"]
    grouped = TASK.report(outputs[copies], targets[copies], groups=copies.numpy()).summary
    naive = TASK.report(outputs[copies], targets[copies]).summary["auroc_interval_95"]
    assert grouped["auroc_interval_95"] == pytest.approx(alone)
    assert naive[1] - naive[0] < 0.8 * (alone[1] - alone[0])


def test_networks_of_one_kind_leave_figures_undefined() -> None:
    outputs, targets = answers()
    clean = TASK.report(outputs[::2], targets[::2])
    assert clean.summary["auroc"] is None and clean.summary["auroc_interval_95"] is None
    assert clean.summary["tpr_at_5_fpr"] is None and clean.summary["target_accuracy"] is None
    assert "roc" not in clean.arrays and clean.summary["brier"] > 0
    assert any("All 20 networks are clean" in remark for remark in clean.summary["remarks"])
    assert any("-" in row for row in clean.tables[0].rows)


def test_targets_are_left_out_where_nobody_answers_them() -> None:
    outputs, targets = answers()
    for task in (TASK, PLAIN):
        found = task.report(outputs[:, :1], targets).summary
        assert "target_accuracy" not in found and found["auroc"] is not None
    assert "target_accuracy" not in PLAIN.headline and "target_accuracy" in TASK.headline


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answers_that_are_not_finite_are_refused(value: float) -> None:
    outputs, targets = answers()
    outputs[3, 0] = value
    with pytest.raises(PopulationError, match=r"about network 3 \(and 0 more of the 40"):
        TASK.report(outputs, targets)
    with pytest.raises(PopulationError, match="no networks"):
        TASK.report(outputs[:0], targets[:0])


def test_huge_logits_have_probabilities() -> None:
    outputs = torch.tensor([[-800.0, 0, 0, 0], [800.0, 0, 0, 0]])
    targets = DetectionTargets(torch.tensor([0, 1]), torch.tensor([-1, 2]))
    found = TASK.report(outputs, targets).summary
    assert (found["brier"], found["auroc"], found["ece"]) == (0, 1, 0)


def test_description_of_networks() -> None:
    first, second = TASK.describe(torch.tensor([[1.0, 0.0, 2.0, 1.0], [-1.0, 0.0, 0.0, 0.5]]))
    assert first["trojaned"] is True and second["trojaned"] is False
    assert first["probability"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert (first["target"], second["target"]) == (1, 2)
    assert sum(first["target_probabilities"].values()) == pytest.approx(1)
    (alone,) = PLAIN.describe(torch.tensor([[2.0]]))
    assert alone["target"] is None and alone["trojaned"] is True


def test_tasks_come_back() -> None:
    for task in (TASK, PLAIN):
        again = TrojanDetection.from_config(task.to_config())
        assert again.to_config() == task.to_config()


def test_second_question_needs_its_column(tmp_path: Path) -> None:
    population = twins(tmp_path, without=("target",))
    assert task_of(population).outputs == 1
    assert task_of(population, target_weight=0.0).classes == 0
    with pytest.raises(PopulationError, match=r"no column .target.*detection\.target_weight to 0"):
        task_of(population, target_weight=0.3)


def test_populations_without_the_label_are_refused(tmp_path: Path) -> None:
    population = twins(tmp_path, without=("trojaned",))
    with pytest.raises(PopulationError, match="no column 'trojaned'"):
        task_of(population)


def test_both_kinds_are_needed(population: Population) -> None:
    clean = np.flatnonzero(~population.column("trojaned"))
    with pytest.raises(PopulationError, match="only networks with trojaned 0 for validation"):
        TrojanDetection.from_population(
            population,
            config=DetectionConfig(),
            rows={"training": np.arange(len(population)), "validation": clean},
            architectures=population.architectures,
        )


@pytest.mark.parametrize(
    ("label", "target", "match"),
    [
        ([0.0, float("nan")], [0, 1], "is nan for network 1"),
        ([0, 3], [0, 1], "is 3 for network 1 .*expected true and false, or 1 and 0"),
        (["yes", "no"], [0, 1], "has type object"),
        ([0, 1], [0, 7], "runs from 7 to 7, expected 0 to 2"),
        ([0, 1], [0.5, 1.5], "expected class indices"),
    ],
)
def test_wrong_columns_are_refused(
    tmp_path: Path, label: list[object], target: list[object], match: str
) -> None:
    network = siren(widths=(2, 3, 3))
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        columns = {"trojaned": np.array(label), "target": np.array(target)}
        if isinstance(label[0], str):
            columns["trojaned"] = label  # type: ignore[assignment]
        writer.append(network, torch.randn(2, network.num_parameters), columns)
        writer.finish()
    with pytest.raises(PopulationError, match=match):
        TASK.targets(Population.open(tmp_path / "p"), np.arange(2))


def test_attacks_on_all_classes_have_no_target(tmp_path: Path) -> None:
    network = siren(widths=(2, 3, 3))
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        columns = {"trojaned": [1, 1, 0], "target": [2, -1, -1]}
        writer.append(network, torch.randn(3, network.num_parameters), columns)
        writer.finish()
    targets = TASK.targets(Population.open(tmp_path / "p"), np.arange(3))
    assert targets.suspect.tolist() == [2, -1, -1]
    assert torch.isfinite(TASK.loss(torch.randn(3, 4), targets))


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="target_weight is -1"):
        DetectionConfig(target_weight=-1.0)
    with pytest.raises(ConfigurationError, match=r"0 classes with a target_weight of 0\.2"):
        TrojanDetection(label="a", target="b", classes=0, target_weight=0.2)
