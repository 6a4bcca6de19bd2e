"""The task that a configuration asks for, and the one that a run folder describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scalegmn.tasks.classification import Classification
from scalegmn.tasks.task import Task
from scalegmn.training.config import RunConfig, TaskName
from scalegmn.training.selection import Selection

_TASKS: Final[dict[TaskName, type[Task]]] = {TaskName.classification: Classification}


def make_task(config: RunConfig, selection: Selection) -> Task:
    """The task of a training.

    Raises:
        PopulationError: the population does not have what is to be learnt.
        ConfigurationError: what it has cannot be learnt.
    """
    population, label = selection.population, config.data.label
    return Classification.of(population, label=label, rows=selection.train)


def load_task(description: Mapping[str, Any]) -> Task:
    """The task of a run folder, from its name and its own entries."""
    return _TASKS[TaskName(description["name"])].from_config(description)
