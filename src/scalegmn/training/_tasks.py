"""Tasks from a configuration or from a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalegmn.configuration import format_value
from scalegmn.errors import ConfigurationError
from scalegmn.training._config import RunConfig
from scalegmn.training._selection import DataSelection
from scalegmn.training._task import TASKS, AnyTask, TaskContext


def make_task(config: RunConfig, selection: DataSelection) -> AnyTask:
    """The task of a training.

    Raises:
        PopulationError: the population does not have what is to be learned.
        ConfigurationError: what it has cannot be learned.
    """
    return TASKS.get(config.task).build(
        TaskContext(
            population=selection.population,
            train=selection.train,
            val=selection.val,
            architectures=selection.architectures,
            label=config.data.label,
            options=config.options,
        )
    )


def load_task(description: Mapping[str, Any]) -> AnyTask:
    """The task of a run folder, from its name and its own entries.

    Raises:
        ConfigurationError: there is no such task, or its entries are wrong.
    """
    if not isinstance(description, Mapping):
        raise ConfigurationError(
            f"the task is {format_value(description)}, expected its name and its entries"
        )
    entries = dict(description)
    return TASKS.get(entries.pop("name", None)).from_config(entries)
