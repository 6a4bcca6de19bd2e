from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, ImageSourceError, PopulationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.networks import Activation, mlp
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import NetworkDataset, outputs_on
from scalegmn.trojans.making import Preparation
from scalegmn.trojans.repair import RepairConfig, TrojanRepair
from tests.trojans.repair.repair_cases import TEST, TRAIN, digit_twins

CONFIG = RepairConfig(images=24, validation_images=40)
CAN = ModelConfig(features=8, layers=2)
# Relative: means in float32, whose sums every processor makes in another order.
SINGLE = 1e-5


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return digit_twins(tmp_path_factory.mktemp("repair"))


def networks(task: TrojanRepair, population: Population) -> NetworkDataset:
    rows = np.arange(len(population))
    targets = task.targets(population, rows)
    return NetworkDataset(
        population=population, rows=rows, targets=targets, canonicalize=False, memory_limit=2.0**30
    )


def editor(population: Population, *, scale: float) -> ScaleGMNEditor:
    torch.default_generator.manual_seed(0)
    config = ModelConfig(features=8, layers=2, update_scale=scale)
    return ScaleGMNEditor(spec=GraphSpec.from_architectures(population.architectures), config=config)


@pytest.mark.slow
def test_networks_that_are_left_alone_have_the_recorded_figures(population: Population) -> None:
    """Images, triggers, targets and their order are those of the maker, for both architectures."""
    task = TrojanRepair.from_population(population, config=CONFIG)
    outputs, targets = outputs_on(
        task, editor(population, scale=0.0), networks(task, population), batch_size=7
    )
    for name in ("c_acc", "asr", "ra"):
        found, before = getattr(outputs, name).double(), getattr(targets, name)
        torch.testing.assert_close(found, before, rtol=0, atol=1e-6)
    report = task.report(outputs, targets)
    assert report.summary["der"] == pytest.approx(0.5, abs=1e-6)
    assert report.summary["trojaned"] == int(population.column("trojaned").sum()) > 8
    trojaned = population.column("trojaned").astype(bool)
    assert report.summary["asr"] == pytest.approx(population.column("asr")[trojaned].mean())


def test_a_step_learns_from_other_images_than_those_of_validation(population: Population) -> None:
    task = TrojanRepair.from_population(population, config=CONFIG)
    batch, model = networks(task, population)[np.arange(6)], editor(population, scale=0.0)
    trained = [task.predict(model.train(), batch).clean_loss for _ in range(2)]
    assert not torch.equal(*trained), "every step draws images"
    model.eval()
    with torch.no_grad():
        validated = [task.predict(model, batch).c_acc for _ in range(2)]
        tested = task.predict_for_report(model, batch).c_acc
    assert torch.equal(*validated)
    # Fractions of 40 and of 60 images.
    assert torch.equal((40 * validated[0]).round() / 40, validated[0])
    assert torch.allclose((TEST * tested).round() / TEST, tested) and not torch.equal(tested, validated[0])
    assert TRAIN > 40


@pytest.mark.slow
def test_the_loss_falls_and_triggers_work_less(population: Population) -> None:
    task = TrojanRepair.from_population(population, config=CONFIG)
    model, everything = editor(population, scale=0.1), networks(task, population)
    batch = everything[np.arange(len(everything))]
    model.fit_scale(batch)
    before, targets = outputs_on(task, model, everything)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        assert batch.targets is not None
        task.loss(task.predict(model.train(), batch), batch.targets).backward()
        optimizer.step()
    after, _ = outputs_on(task, model, everything)
    assert task.loss(after, targets) < 0.9 * task.loss(before, targets)
    assert task.report(after, targets).summary["asr"] < task.report(before, targets).summary["asr"] - 0.1


def test_the_distance_is_that_to_the_clean_twin(population: Population) -> None:
    task = TrojanRepair.from_population(
        population, config=RepairConfig(validation_images=40, distance_weight=2.0)
    )
    everything = networks(task, population)
    outputs, targets = outputs_on(task, editor(population, scale=0.0), everything)
    places = {int(n): row for row, n in enumerate(population.column("number"))}
    for row in range(len(population)):
        own = population.theta([row])[0]
        trojaned = bool(population.column("poisoned")[row])
        twin = population.theta([places[int(population.column("twin")[row])]])[0] if trojaned else own
        expected = float((own - twin).square().sum() / twin.square().sum())
        assert float(outputs.distance[row]) == pytest.approx(expected, rel=1e-5)
        assert (expected > 0) == trojaned
    expected = outputs.clean_loss + outputs.triggered_loss + 2 * outputs.distance
    torch.testing.assert_close(task.loss(outputs, targets), expected.mean())


def test_metrics_of_an_epoch(population: Population) -> None:
    task = TrojanRepair.from_population(population, config=CONFIG)
    outputs, targets = outputs_on(task, editor(population, scale=0.0), networks(task, population))
    metrics = task.metrics().clone(prefix="val/")
    task.measure(metrics, outputs[:5], targets[:5])
    task.measure(metrics, outputs[5:], targets[5:])
    found = metrics.compute()
    summary = task.report(outputs, targets).summary
    assert float(found["val/asr"]) == pytest.approx(summary["asr"], rel=SINGLE)
    assert float(found["val/ra"]) == pytest.approx(summary["ra"], rel=SINGLE)
    c_acc = float(outputs.c_acc.mean())
    assert float(found["val/c_acc"]) == pytest.approx(c_acc, rel=SINGLE)
    assert float(found["val/balance"]) == pytest.approx((c_acc + 1 - summary["asr"]) / 2, rel=SINGLE)


def test_targets_can_be_copied_to_other_processes(population: Population) -> None:
    targets = TrojanRepair.from_population(population, config=CONFIG).targets(population, np.arange(2))
    again = copy.deepcopy(targets)
    (mine, other) = (part.scenes[0].images.test for part in (targets, again))
    assert other is not mine and torch.equal(other.pixels, mine.pixels)


def test_written_down_and_read_back() -> None:
    config = RepairConfig(images=3, trigger_weight=0.5, distance_weight=0.1, image_folder=Path("some/where"))
    task = TrojanRepair(config=config, preparation=Preparation(grayscale=False, image_size=7))
    again = TrojanRepair.from_config(task.to_config())
    assert again.config == config and again.preparation == task.preparation


def test_repaired_networks_keep_their_architecture() -> None:
    """Editors that write means of several networks, which are wider, are refused before a training."""
    task = TrojanRepair(config=CONFIG, preparation=Preparation(grayscale=False, image_size=7))
    network = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    spec = GraphSpec.from_architectures([network])
    one, two = (
        ScaleGMNEditor(spec=spec, config=ModelConfig(features=4, layers=1, output_networks=count))
        for count in (1, 2)
    )
    task.check_model(one)
    with pytest.raises(ConfigurationError, match=r"output_networks is 2, expected 1 for trojan_repair"):
        task.check_model(two)


def test_what_cannot_be_learned_from(population: Population, tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance=dict(population.provenance)) as writer:
        writer.append(population.architectures[0], population.theta([0]), {"label": [1]})
        writer.finish()
    other = Population.open(tmp_path / "p")
    task = TrojanRepair.from_population(population, config=CONFIG)
    with pytest.raises(PopulationError, match=r"lacks the columns \['trojaned', .*make trojans"):
        task.targets(other, np.arange(1))
    stranger = TrojanRepair(config=CONFIG, preparation=Preparation(grayscale=False, image_size=4))
    with pytest.raises(PopulationError, match="take images by"):
        stranger.targets(population, np.arange(1))
    with PopulationWriter(tmp_path / "q", provenance={"maker": "test"}) as writer:
        writer.append(population.architectures[0], population.theta([0]), {"label": [1]})
        writer.finish()
    with pytest.raises(PopulationError, match="provenance lacks"):
        TrojanRepair.from_population(Population.open(tmp_path / "q"), config=CONFIG)


def test_images_that_are_not_at_hand(population: Population, tmp_path: Path) -> None:
    facts = {**population.provenance, "images_checksum": "0" * 64}
    row = {name: [population.column(name)[0]] for name in population.columns}
    with PopulationWriter(tmp_path / "p", provenance=facts) as writer:
        writer.append(population.architectures[0], population.theta([0]), row)
        writer.finish()
    task = TrojanRepair.from_population(population, config=CONFIG)
    with pytest.raises(ImageSourceError, match="have another"):
        task.targets(Population.open(tmp_path / "p"), np.arange(1))


def test_models_that_only_answer_are_refused(population: Population) -> None:
    task = TrojanRepair.from_population(population, config=CONFIG)
    judge = ScaleGMN(spec=GraphSpec.from_architectures(population.architectures), outputs=2, config=CAN)
    batch: NetworkBatch = networks(task, population)[np.arange(2)]
    with pytest.raises(ConfigurationError, match="ScaleGMN makes predictions"):
        task.predict(judge, batch)


def test_mistakes_in_the_configuration_are_listed_together() -> None:
    with pytest.raises(ConfigurationError, match=r"RepairConfig: images is 0, .*; trigger_weight is -1.0"):
        RepairConfig(images=0, trigger_weight=-1.0)
