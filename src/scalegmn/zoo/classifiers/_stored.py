"""Which designs the networks of a population have, so that modules can be made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scalegmn.configuration import from_plain
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population

from ._catalog import MODERN_DESIGNS, TROJAN_DESIGNS
from ._convolutional import ConvolutionalDesign
from ._design import ClassifierDesign
from ._residual import ResidualDesign
from ._transformer import TransformerDesign

_FAMILIES: Final[Mapping[str, type[ClassifierDesign]]] = {
    kind.family: kind for kind in (ConvolutionalDesign, ResidualDesign, TransformerDesign)
}


def stored_designs(population: Population) -> dict[str, ClassifierDesign]:
    """Designs by their labels: those that the library has, and those of the recipe that a population records.

    Args:
        population: of any networks; where no recipe of classifiers is recorded, it adds none.

    Raises:
        ConfigurationError: a recorded design is none.
    """
    recipe = population.provenance.get("recipe")
    recorded = recipe.get("designs") if isinstance(recipe, Mapping) else None
    plain = recorded if isinstance(recorded, list) else []
    own = [_design(one, origin=f"{population.folder}: provenance") for one in plain]
    return {design.label: design for design in (*MODERN_DESIGNS, *TROJAN_DESIGNS, *own)}


def _design(plain: Any, *, origin: str) -> ClassifierDesign:
    family = str(plain.get("family")) if isinstance(plain, Mapping) else "none"
    if family not in _FAMILIES:
        raise ConfigurationError(
            f"{origin}: has a design of the family {family!r}, expected one of {', '.join(_FAMILIES)}; "
            "networks of designs that were made in Python can only be stored as lists of layers"
        )
    fields = {name: value for name, value in plain.items() if name != "family"}
    return from_plain(_FAMILIES[family], fields, origin=origin)
