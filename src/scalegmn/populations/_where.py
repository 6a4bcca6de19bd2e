"""Choosing networks of a population by the values of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scalegmn.errors import ConfigurationError
from scalegmn.populations._store import Population


def rows_where(population: Population, where: Mapping[str, Any], *, option: str) -> np.ndarray:
    """Which networks have the wanted values, ``(N,)``.

    Args:
        population: networks with their metadata.
        where: by the name of a column, a value or a list of values.
        option: what the user called `where`, for messages.

    Raises:
        ConfigurationError: there is no such column, or no network has such a value.
    """
    kept = np.ones(len(population), bool)
    for name, wanted in where.items():
        if name not in population.columns:
            raise ConfigurationError(
                f"{option}: {population.folder} has no column {name!r}; there are {list(population.columns)}"
            )
        values = population.column(name)
        found = np.isin(values, wanted if isinstance(wanted, list) else [wanted])
        if not found.any():
            known = np.unique(values)
            shown = ", ".join(map(str, known[:10])) + (", ..." if len(known) > 10 else "")
            raise ConfigurationError(
                f"{option}: no network of {population.folder} has {name} {wanted!r}; there are {shown}"
            )
        kept &= found
    return kept
