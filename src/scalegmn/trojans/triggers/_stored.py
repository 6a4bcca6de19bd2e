"""The triggers of a population of trojaned networks."""

from __future__ import annotations

from scalegmn.errors import PopulationError, TriggerError
from scalegmn.populations import Indices, Population
from scalegmn.trojans.triggers._reading import trigger_from_json
from scalegmn.trojans.triggers._trigger import Trigger

COLUMN = "trigger"
"""The column with triggers as JSON."""


def triggers_of(population: Population, indices: Indices) -> list[Trigger]:
    """The trigger of each network; a clean twin has that of its sibling.

    Args:
        population: as :func:`~scalegmn.trojans.making.make_trojans` writes it.
        indices: indices of networks.

    Raises:
        PopulationError: the population has no triggers, or a damaged one; names the network.
    """
    texts = population.column(COLUMN)
    found: list[Trigger] = []
    for row in indices:
        try:
            found.append(trigger_from_json(str(texts[int(row)])))
        except TriggerError as error:
            raise PopulationError(f"{population.folder}, network {int(row)}: {error}") from error
    return found
