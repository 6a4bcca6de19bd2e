from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from scalegmn.configuration import Sections
from scalegmn.editing import EditingConfig, InrEditing
from scalegmn.errors import PopulationError
from scalegmn.populations import Population
from scalegmn.tasks import Classification, Link, Regression, RegressionConfig
from scalegmn.training import DataConfig, DataSelection, RunConfig, Task, load_task, make_task, select
from tests.training.small import small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return small_population(tmp_path_factory.mktemp("tasks") / "p", networks=48, numbers=True)


def made(population: Population, task: str, *, label: str, link: Link = Link.sigmoid) -> Task:
    config = RunConfig(
        data=DataConfig(population=population.folder, label=label, validation=0.25),
        task=task,
        options=Sections({"regression": RegressionConfig(link=link)}),
    )
    return make_task(config, select(config.data))


@pytest.mark.parametrize(
    ("name", "label", "kind", "outputs"),
    [
        ("classification", "label", Classification, 3),
        ("regression", "number", Regression, 1),
    ],
)
def test_the_task_that_is_asked_for_comes_back_from_its_description(
    population: Population, name: str, label: str, kind: type[Task], outputs: int
) -> None:
    task = made(population, name, label=label)
    assert type(task) is kind and task.name == name
    assert task.outputs == outputs
    back = load_task(json.loads(json.dumps({"name": task.name, **task.to_config()})))
    assert type(back) is kind
    rows = np.arange(48)
    assert torch.equal(back.targets(population, rows), task.targets(population, rows))


def test_units_of_numbers_come_from_the_training_networks(population: Population) -> None:
    task = made(population, "regression", label="number", link=Link.identity)
    chosen: DataSelection = select(DataConfig(population=population.folder, label="number", validation=0.25))
    targets = task.targets(population, chosen.train).double()
    torch.testing.assert_close(targets.mean(), torch.tensor(0.0, dtype=torch.float64), atol=1e-5, rtol=0)
    assert abs(float(targets.std(correction=0)) - 1) < 1e-5
    others = task.targets(population, chosen.test).double()
    assert abs(float(others.mean())) > 1e-3


def test_editing_comes_back_from_its_description() -> None:
    task = InrEditing(config=EditingConfig(image_source="digits", image_size=(8, 8)))
    back = load_task({"name": "inr_editing", **task.to_config()})
    assert isinstance(back, InrEditing) and back.to_config() == task.to_config()


def test_what_is_to_be_learned_must_be_there(population: Population) -> None:
    with pytest.raises(PopulationError, match="no column 'accuracy'"):
        made(population, "classification", label="accuracy")
    with pytest.raises(PopulationError, match=r"column 'split'.*expected numbers"):
        made(population, "regression", label="split")
