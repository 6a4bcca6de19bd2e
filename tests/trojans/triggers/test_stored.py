from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, mlp
from scalegmn.populations import Population, PopulationWriter
from scalegmn.trojans.triggers import Sinusoid, triggers_of

WAVE = Sinusoid(amplitude=0.1, frequency=2.0, angle=0.0, phase=0.0)


def population(folder: Path, triggers: list[str], *, column: str = "trigger") -> Population:
    architecture = mlp(widths=(2, 2, 1), activations=[Activation("relu")])
    with PopulationWriter(folder, provenance={}) as writer:
        theta = torch.zeros(len(triggers), architecture.num_parameters)
        writer.append(architecture, theta, {column: triggers})
        writer.finish()
    return Population.open(folder)


def test_triggers_in_the_order_asked_for(tmp_path: Path) -> None:
    other = Sinusoid(amplitude=0.2, frequency=2.0, angle=0.0, phase=0.0)
    made = population(tmp_path / "p", [WAVE.to_json(), other.to_json()])
    assert triggers_of(made, [1, 0, 1]) == [other, WAVE, other]


@pytest.mark.parametrize("text", ["Sinusoid()", "{}", "__import__('os').abort()"])
def test_damaged_triggers_are_named_and_never_run(tmp_path: Path, text: str) -> None:
    made = population(tmp_path / "p", [WAVE.to_json(), text])
    with pytest.raises(PopulationError, match="network 1: a description of a trigger is"):
        triggers_of(made, [0, 1])


def test_population_without_triggers(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="no column 'trigger'"):
        triggers_of(population(tmp_path / "p", ["a"], column="name"), [0])
