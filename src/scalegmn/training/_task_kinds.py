"""Tasks by what their models make of networks: predictions, numbers with a unit, or networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, Records
from scalegmn.models import Editor, Metanetwork, Predictor
from scalegmn.models.baselines import OutputType
from scalegmn.training._task import Task

O = TypeVar("O", bound=Tensor | Records)  # noqa: E741 - outputs
T = TypeVar("T", bound=Tensor | Records)


class PredictionTask(Task[Tensor, T], ABC):
    """A task of predictors: outputs are the numbers that a model returns, ``(B, outputs)``."""

    @property
    def output_type(self) -> OutputType:
        return OutputType.value

    def predict(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        assert isinstance(model, Predictor), (
            f"{self.name} needs a model that predicts, not {type(model).__name__}"
        )
        return model.predict(batch)

    def predict_to_learn(self, model: Metanetwork, batch: NetworkBatch) -> Sequence[Tensor]:
        assert isinstance(model, Predictor), "the same model predicts in training and after it"
        return model.predict_to_learn(batch)

    def shared_outputs(self, outputs: Tensor, *, of: PredictionTask[Any], folder: Path) -> Tensor:
        """Outputs of another training run of this task on a scale that all its runs share.

        So predictions of several models, each about networks of its own, are evaluated together.  By default
        as they are.

        Args:
            outputs: of that training, ``(n, outputs)``.
            of: its task; what it found out about its own training networks may differ.
            folder: its run folder.

        Raises:
            ConfigurationError: they mean something else.
        """
        if of.arguments() != self.arguments():
            raise ConfigurationError(
                f"{folder}: its outputs mean {dict(of.arguments())}, those of the other runs "
                f"{dict(self.arguments())}; expected the same, so that they can be evaluated together"
            )
        return outputs


class NumberTask(PredictionTask[T], ABC):
    """A task that predicts numbers with a unit, so that errors of validation networks give intervals."""

    @abstractmethod
    def errors(self, outputs: Tensor, targets: T) -> np.ndarray:
        """How far predictions are off, ``(n,)``, in the unit in which :meth:`intervals` takes a radius."""

    @abstractmethod
    def intervals(self, outputs: Tensor, radius: float) -> list[tuple[float, float]]:
        """What lies at most `radius` from each prediction."""


class EditingTask(Task[O, T], ABC):
    """A task of editors: outputs are what is found out about the networks that a model writes."""

    writes_networks = True

    @property
    def outputs(self) -> int:
        """0: an editor returns networks."""
        return 0

    averages: ClassVar[bool] = False
    """Whether an edited network may be the mean of several, and so wider than the one that was read."""

    def check_model(self, model: Metanetwork) -> None:
        """Refuse a model that makes predictions, or that writes means of networks for a task without use for
        them.

        Raises:
            ConfigurationError: it does.
        """
        count = self._editor(model).output_networks
        if count > 1 and not self.averages:
            raise ConfigurationError(
                f"model.output_networks is {count}, expected 1 for {self.name}, whose networks keep their "
                "architecture"
            )

    def edited(self, model: Metanetwork, batch: NetworkBatch) -> NetworkBatch:
        """The networks that a model makes of those of a batch.

        Raises:
            ConfigurationError: it makes predictions and writes no networks.
        """
        return self._editor(model).edit(batch)

    def edited_each(self, model: Metanetwork, batch: NetworkBatch) -> tuple[NetworkBatch, ...]:
        """The same as the networks whose mean they are, which is quicker to run than one wide network.

        Raises:
            ConfigurationError: it makes predictions and writes no networks.
        """
        return self._editor(model).edit_each(batch)

    def _editor(self, model: Metanetwork) -> Editor:
        if not isinstance(model, Editor):
            raise ConfigurationError(
                f"{self.name} needs a model that writes networks; {type(model).__name__} makes predictions"
            )
        return model
