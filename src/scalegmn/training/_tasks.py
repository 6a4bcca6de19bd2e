"""The task that a configuration asks for, and the one that a run folder describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scalegmn.configuration import shown
from scalegmn.editing import InrEditing
from scalegmn.errors import ConfigurationError
from scalegmn.tasks import Classification, Regression
from scalegmn.training._config import RunConfig, TaskName
from scalegmn.training._selection import Selection
from scalegmn.training._task import AnyTask
from scalegmn.trojans.detection import TrojanDetection
from scalegmn.trojans.repair import TrojanRepair

_TASKS: Final[dict[TaskName, type[AnyTask]]] = {
    TaskName.classification: Classification,
    TaskName.regression: Regression,
    TaskName.inr_editing: InrEditing,
    TaskName.trojan_detection: TrojanDetection,
    TaskName.trojan_repair: TrojanRepair,
}


def make_task(config: RunConfig, selection: Selection) -> AnyTask:
    """The task of a training.

    Raises:
        PopulationError: the population does not have what is to be learnt.
        ConfigurationError: what it has cannot be learnt.
    """
    population, label, rows = selection.population, config.data.label, selection.train
    match config.task:
        case TaskName.classification:
            return Classification.of(population, label=label, rows=rows)
        case TaskName.regression:
            return Regression.fitted(label=label, config=config.regression, population=population, rows=rows)
        case TaskName.inr_editing:
            return InrEditing.of(population, config=config.editing)
        case TaskName.trojan_detection:
            return TrojanDetection.of(
                population,
                config=config.detection,
                rows={"training": rows, "validation": selection.val},
                architectures=selection.architectures,
            )
        case TaskName.trojan_repair:
            return TrojanRepair.of(population, config=config.repair)
    raise AssertionError(f"no task is called {config.task}")


def load_task(description: Mapping[str, Any]) -> AnyTask:
    """The task of a run folder, from its name and its own entries.

    Raises:
        ConfigurationError: there is no such task, or its entries are wrong.
    """
    if not isinstance(description, Mapping):
        raise ConfigurationError(f"the task is {shown(description)}, expected its name and its entries")
    entries = dict(description)
    name = entries.pop("name", None)
    if not isinstance(name, str) or name not in TaskName.__members__:
        raise ConfigurationError(
            f"the name of the task is {shown(name)}, expected one of {', '.join(TaskName.__members__)}"
        )
    return _TASKS[TaskName[name]].from_config(entries)
