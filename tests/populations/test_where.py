from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activation, mlp
from scalegmn.populations import Population, PopulationWriter, rows_where


@pytest.fixture
def population(tmp_path: Path) -> Population:
    architecture = mlp(widths=(2, 2, 1), activations=[Activation("relu")])
    columns = {"epoch": [0, 5, 0, 5], "kind": ["a", "a", "b", "b"], "good": [True, False, True, True]}
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(architecture, torch.zeros(4, architecture.num_parameters), columns)
        writer.finish()
    return Population.open(tmp_path / "p")


def test_values_and_lists_of_values(population: Population) -> None:
    assert rows_where(population, {}, option="where").tolist() == [True] * 4
    assert rows_where(population, {"epoch": 5}, option="where").tolist() == [False, True, False, True]
    found = rows_where(population, {"epoch": [0, 5], "kind": "b", "good": True}, option="where")
    assert found.tolist() == [False, False, True, True]


def test_mistakes_name_the_option(population: Population) -> None:
    with pytest.raises(ConfigurationError, match=r"--where: .* has no column 'epcoh'; there are"):
        rows_where(population, {"epcoh": 5}, option="--where")
    with pytest.raises(ConfigurationError, match=r"--where: no network of .* has epoch 3; there are 0, 5"):
        rows_where(population, {"epoch": 3}, option="--where")
