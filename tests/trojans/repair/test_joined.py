"""Populations that were joined: every network is repaired and judged with images of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import PopulationError
from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMNEditor
from scalegmn.networks import Activation, cnn
from scalegmn.populations import Population, PopulationWriter, join_populations
from scalegmn.seeding import generator
from scalegmn.training import NetworkDataset, outputs_on
from scalegmn.trojans.making import PopulationImages, TrojanImages
from scalegmn.trojans.repair import RepairConfig, TrojanRepair, evaluate_methods, networks_of
from scalegmn.trojans.repair._scenes import RepairOutputs
from tests.trojans.repair.program_cases import CLASSES, TARGET, TRAIN, TRIGGER, digits, program_population

SMALL = cnn(channels=(1, 4), classes=CLASSES, activations=[Activation("relu")], kernel=2, stride=1)
CONFIG = RepairConfig(images=16, validation_images=40)


def small_population(folder: Path) -> Population:
    """Two networks that know nothing, of images of half the size, fewer than the others have."""
    images = digits().subset([*range(70), *range(TRAIN, TRAIN + 30)])
    facts = {
        "images": images.name,
        "images_shape": list(images.images.shape),
        "images_checksum": images.checksum,
        "train_images": 70,
        "test_images": 30,
        "preprocessing": {"grayscale": True, "size": [4, 4]},
    }
    with PopulationWriter(folder, provenance=facts) as writer:
        own = np.arange(2)
        columns = {
            "number": own,
            "pair": own // 2,
            "twin": own ^ 1,
            "network": own // 2,
            "poisoned": own % 2 == 0,
            "trojaned": own % 2 == 0,
            "target": [TARGET] * 2,
            "trigger": [TRIGGER.to_json()] * 2,
            **{name: np.full(2, 0.5) for name in ("c_acc", "asr", "ra")},
        }
        theta = torch.randn(2, SMALL.num_parameters, generator=generator(0))
        writer.append(SMALL, theta, columns)
        writer.finish()
    return Population.open(folder)


@pytest.fixture(scope="module")
def populations(tmp_path_factory: pytest.TempPathFactory) -> tuple[Population, Population, Population]:
    folder = tmp_path_factory.mktemp("joined")
    parts = program_population(folder / "large"), small_population(folder / "small")
    join_populations(parts, folder / "all", progress=False)
    return (*parts, Population.open(folder / "all"))


def outputs(task: TrojanRepair, population: Population) -> RepairOutputs:
    rows = np.arange(len(population))
    networks = NetworkDataset(
        population=population,
        rows=rows,
        targets=task.targets(population, rows),
        canonicalize=False,
        memory_limit=2.0**30,
    )
    model = ScaleGMNEditor(
        spec=GraphSpec.from_architectures(population.architectures),
        config=ModelConfig(features=8, layers=2, update_scale=0.0),
    )
    return outputs_on(task, model, networks, batch_size=9)[0]


@pytest.mark.slow
def test_figures_are_those_of_each_population_alone(
    populations: tuple[Population, Population, Population],
) -> None:
    large, small, joined = populations
    task = TrojanRepair.from_population(joined, config=CONFIG)
    assert {task.preparation.image_size, *(one.image_size for one in task.others)} == {None, 4}
    found = outputs(task, joined)
    parts = [outputs(TrojanRepair.from_population(one, config=CONFIG), one) for one in (large, small)]
    for name in ("clean_loss", "triggered_loss", "c_acc", "asr", "ra"):
        expected = torch.cat([getattr(part, name) for part in parts])
        torch.testing.assert_close(getattr(found, name), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_repairs_are_evaluated_with_the_images_of_each(
    populations: tuple[Population, Population, Population],
) -> None:
    large, small, joined = populations
    rows = np.arange(len(joined))
    images = PopulationImages.from_population(joined, rows)
    assert [len(own.test_labels) for own in images.sets] == [60, 30]
    assert [places.tolist() for _, places in images.parts(rows)] == [list(range(12)), [12, 13]]
    (found,) = evaluate_methods(joined, rows, [networks_of(joined, rows)], images)
    parts = []
    for one in (large, small):
        every = np.arange(len(one))
        thetas, own = [networks_of(one, every)], TrojanImages.from_population(one)
        parts.append(evaluate_methods(one, every, thetas, own)[0].after)
    np.testing.assert_allclose(found.after, np.concatenate(parts), atol=1e-6)


def test_a_step_and_what_is_written_down(populations: tuple[Population, Population, Population]) -> None:
    joined = populations[2]
    task = TrojanRepair.from_population(joined, config=CONFIG)
    again = TrojanRepair.from_config(task.to_config())
    assert (again.preparation, again.others) == (task.preparation, task.others)
    pixels = torch.rand(2, 1, 8, 8, generator=generator(1))
    shapes = {
        tuple(again.preparation_for(one, pixels).inputs(pixels).shape[2:]) for one in joined.architectures
    }
    assert shapes >= {(8, 8)} and again.preparation_for(SMALL, pixels) in (task.preparation, *task.others)


def test_what_is_not_known_of_a_source(
    populations: tuple[Population, Population, Population], tmp_path: Path
) -> None:
    joined = populations[2]
    facts = {**joined.provenance, "sources": joined.provenance["sources"][:1]}
    with PopulationWriter(tmp_path / "p", provenance=facts) as writer:
        for architecture, positions, theta in joined.groups(np.arange(len(joined))):
            columns = {name: joined.column(name)[positions].tolist() for name in joined.columns}
            columns.pop("architecture", None)
            writer.append(architecture, theta, columns)
        writer.finish()
    with pytest.raises(PopulationError, match=r"networks are from 'small', of which its provenance"):
        TrojanRepair.from_population(Population.open(tmp_path / "p"), config=CONFIG)
