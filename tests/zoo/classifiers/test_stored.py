from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.zoo.classifiers import TROJAN_DESIGNS, stored_designs
from tests.zoo.classifiers.classifier_cases import RECIPE


def population(folder: Path, recipe: Any) -> Population:
    with PopulationWriter(folder, provenance={"maker": "tests", "recipe": recipe}) as writer:
        writer.finish()
    return Population.open(folder)


def test_designs_of_the_library_and_of_the_record(tmp_path: Path) -> None:
    found = stored_designs(population(tmp_path / "p", RECIPE.to_plain()))
    for design in (*TROJAN_DESIGNS, *RECIPE.designs):
        assert found[design.label] == design
    plain = stored_designs(population(tmp_path / "q", {"family": siren(widths=(2, 3, 1)).describe()}))
    assert not {design.label for design in RECIPE.designs} & set(plain)


@pytest.mark.parametrize("design", ["text", {"family": "mine"}, {"widths": [2]}])
def test_records_of_other_designs_are_refused(tmp_path: Path, design: object) -> None:
    with pytest.raises(ConfigurationError, match="expected one of cnn, resnet, vit"):
        stored_designs(population(tmp_path / "p", {"designs": [design]}))


def test_records_with_wrong_fields_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="widths"):
        stored_designs(population(tmp_path / "p", {"designs": [{"family": "resnet", "widths": [-1]}]}))
