from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.training import SeenNetworks, compare_neighbors
from scalegmn.training._neighborhoods import PERMUTATION_ONLY, UNTRAINED, WEIGHTS

KINDS = 4


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """Twelve noisy copies of each of four networks, every one moved by a symmetry of its own."""
    architecture, random = siren(widths=(2, 8, 8, 1)), generator(0)
    middles = 0.1 * torch.randn(KINDS, architecture.num_parameters, generator=random)
    theta = middles.repeat(12, 1)
    theta = theta + 0.003 * torch.randn(theta.shape, generator=random)
    action = SymmetryAction(architecture)
    moved = torch.cat([action.apply(one[None], action.draw(generator=random)) for one in theta])
    columns = {
        "kind": [f"kind {n % KINDS}" for n in range(len(theta))],
        "size": np.linspace(0, 1, len(theta)),
        "same": ["one"] * len(theta),
    }
    folder = tmp_path_factory.mktemp("neighborhoods") / "population"
    with PopulationWriter(folder, provenance={}) as writer:
        writer.append(architecture, moved, columns)
        writer.finish()
    return Population.open(folder)


def test_symmetries_hide_neighbors_from_those_that_do_not_know_them(population: Population) -> None:
    networks = SeenNetworks(population, np.arange(len(population)), "kind")
    found = compare_neighbors(networks, runs=[], neighbors=5)
    shares = {name: one.share for name, one in found.agreements.items()}
    assert shares[UNTRAINED] == 1
    assert max(shares[WEIGHTS], shares[PERMUTATION_ONLY]) < 0.8
    assert found.table.rows[-1][:2] == ("chance", pytest.approx(11 / 47))
    assert (found.learned, found.without) == (0, 0)


@pytest.mark.parametrize(
    ("column", "match"),
    [
        ("size", "column 'size' .* has type float64, expected words or whole numbers"),
        ("same", "have 1 class, expected at least two"),
    ],
)
def test_columns_without_classes_are_refused(population: Population, column: str, match: str) -> None:
    networks = SeenNetworks(population, np.arange(len(population)), column)
    with pytest.raises(ConfigurationError, match=match):
        compare_neighbors(networks, runs=[], neighbors=5)


def test_too_few_networks(population: Population) -> None:
    with pytest.raises(ConfigurationError, match="neighbors is 10, expected 1 to 5"):
        compare_neighbors(SeenNetworks(population, np.arange(6), "kind"), runs=[], neighbors=10)
