from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import PopulationError
from scalegmn.networks import run
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.making import TrojanImages
from scalegmn.trojans.repair import evaluate_methods, networks_of, with_clean_twins
from scalegmn.trojans.repair._evaluation import evaluate_repairs
from scalegmn.zoo.cnns import network_inputs
from tests.trojans.repair.defenses.cases import (
    ARCHITECTURE,
    TANH,
    TARGET,
    TRIGGER,
    pixels_of,
    stripes,
    twin_population,
)


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return twin_population(tmp_path_factory.mktemp("judging") / "twins")


@pytest.fixture(scope="module")
def images(population: Population) -> TrojanImages:
    return TrojanImages.from_image_set(population, stripes())


def by_hand(population: Population, row: int, theta: torch.Tensor) -> list[float]:
    architecture = population.architectures[population.column("architecture")[row]]
    pixels, labels = pixels_of("test")
    clean = run(architecture, theta[None], network_inputs(pixels))[0].argmax(dim=1)
    bad = run(architecture, theta[None], network_inputs(TRIGGER.apply(pixels)))[0].argmax(dim=1)
    others = labels != TARGET
    shares = (clean == labels, (bad == TARGET)[others], (bad == labels)[others])
    return [float(share.double().mean()) for share in shares]


def test_every_network_is_judged_before_and_after(population: Population, images: TrojanImages) -> None:
    """Networks of two architectures, in no order, two repairs at once."""
    rows = np.array([5, 0, 3, 6, 1])
    networks = networks_of(population, rows)
    worse = {architecture: 0.2 * theta for architecture, theta in networks.items()}
    other = {architecture: theta.flip(1) for architecture, theta in networks.items()}
    found = evaluate_methods(population, rows, [worse, other], images)
    for repairs, change in zip(found, (lambda theta: 0.2 * theta, lambda theta: theta.flip(0)), strict=True):
        for place, row in enumerate(rows.tolist()):
            theta = population.theta([row])[0]
            assert repairs.before[place].tolist() == pytest.approx(by_hand(population, row, theta))
            assert repairs.after[place].tolist() == pytest.approx(by_hand(population, row, change(theta)))
        assert repairs.trojaned.tolist() == [False, True, False, True, False]
        assert repairs.groups is not None and repairs.groups.tolist() == [2, 0, 1, 3, 0]
    # The planted triggers work, so that the figures say something.
    assert found[0].before[[1, 3], 1].min() > 0.9 > found[0].before[[0, 2, 4], 1].max() + 0.2
    assert not np.array_equal(found[0].after, found[1].after)
    single = evaluate_repairs(population, rows, other, images)
    np.testing.assert_allclose(single.after, found[1].after, rtol=1e-9)


def test_trojaned_networks_come_with_their_twins(population: Population) -> None:
    assert with_clean_twins(population, np.array([3, 6, 0, 2])).tolist() == [6, 7, 0, 1, 2, 3]
    with pytest.raises(PopulationError, match="none of the 2 networks asked for is trojaned"):
        with_clean_twins(population, np.array([1, 3]))


def test_a_repair_of_other_networks_is_refused(population: Population, images: TrojanImages) -> None:
    rows = np.arange(8)
    networks = networks_of(population, rows)
    for wrong in ({ARCHITECTURE: networks[ARCHITECTURE]}, {**networks, TANH: networks[TANH][:2]}):
        with pytest.raises(PopulationError, match="give all networks of these rows"):
            evaluate_repairs(population, rows, wrong, images)


def test_a_population_without_triggers(tmp_path: Path, images: TrojanImages) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(ARCHITECTURE, torch.zeros(1, ARCHITECTURE.num_parameters), {"number": [0]})
        writer.finish()
    other = Population.open(tmp_path / "p")
    with pytest.raises(PopulationError, match=r"no columns .*'trigger'"):
        evaluate_repairs(other, np.arange(1), networks_of(other, np.arange(1)), images)
