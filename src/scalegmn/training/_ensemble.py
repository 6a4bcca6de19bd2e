"""Several trained models as one: the mean of what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Configuration, Sections, format_value
from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import MODELS, FittedPredictor, ModelContext, Predictor
from scalegmn.shapes import NetworkVectors
from scalegmn.training._run_folder import Run

MOST_MEMBERS: Final = 64
"""More do not help; a description of a model may not ask for endless work."""


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig(Configuration):
    """Which training runs an ensemble is made of.

    Attributes:
        runs: folders of finished runs that learned the same task from the same networks, with other seeds or
            other models.
    """

    runs: tuple[Path, ...] = ()


@final
class Ensemble(FittedPredictor):
    r"""The mean of the outputs of trained models.

    .. math:: y = \frac1M \sum_{m=1}^{M} y_m

    Outputs of classifiers are logits, so the mean is that of logarithms of probabilities, up to a constant.
    Nothing is learned: a training that asks for an ensemble takes the models of its runs as they are, and
    measures what their mean is worth.

    Args:
        members: the trained models.

    Raises:
        ConfigurationError: none, too many, or outputs of different lengths.

    Law: every symmetry that all members respect.

    Source: Hansen and Salamon, "Neural Network Ensembles", IEEE PAMI 12 (1990).
    """

    name = "ensemble"
    sections = MappingProxyType({"ensemble": EnsembleConfig})

    def __init__(self, *, members: Sequence[Predictor]) -> None:
        super().__init__()
        lengths = {member.outputs for member in members}
        if not 1 <= len(members) <= MOST_MEMBERS or len(lengths) > 1:
            raise ConfigurationError(
                f"ensemble: has {len(members)} models with outputs of length {sorted(lengths)}, expected 1 "
                f"to {MOST_MEMBERS} models whose outputs have one length"
            )
        self.outputs = lengths.pop()
        self.members = nn.ModuleList(members)

    @classmethod
    def runs_of(cls, options: Sections) -> tuple[Path, ...]:
        return options.of(EnsembleConfig).runs

    @classmethod
    def check(cls, context: ModelContext) -> None:
        runs = cls.runs_of(context.options)
        if not 1 <= len(runs) <= MOST_MEMBERS:
            raise ConfigurationError(
                f"ensemble.runs names {len(runs)} runs, expected 1 to {MOST_MEMBERS} folders of finished runs"
            )
        places = [folder.resolve() for folder in runs]
        for folder, place in zip(runs, places, strict=True):
            run = Run.open(folder)
            if places.count(place) > 1:
                raise ConfigurationError(
                    f"ensemble.runs names {folder} {places.count(place)} times, expected each run once"
                )
            if isinstance(run.model, Ensemble):
                raise ConfigurationError(
                    f"ensemble.runs: {folder} is an ensemble itself; name the runs that it is made of"
                )
            if context.outputs and run.predictor.outputs not in (context.outputs, context.fitted_outputs):
                raise ConfigurationError(
                    f"ensemble.runs: {folder} returns {run.predictor.outputs} numbers about a network, "
                    f"expected {context.outputs}; name runs of the same task"
                )
            for architecture in context.architectures:
                run.check(architecture)

    @classmethod
    def build(cls, context: ModelContext) -> Ensemble:
        return cls(members=[Run.open(folder).predictor for folder in cls.runs_of(context.options)])

    @property
    def _all(self) -> list[Predictor]:
        """The members, as what they are."""
        return list(self.members)  # type: ignore[arg-type]

    @property
    def limits(self) -> GraphSpec | None:
        """The smallest of what members can read."""
        known = [member.limits for member in self._all if member.limits is not None]
        return GraphSpec.common(known) if known else None

    @property
    def any_width(self) -> bool:
        return all(member.any_width for member in self._all)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch."""
        answers: Tensor = torch.stack([member.predict(batch) for member in self._all]).mean(0)
        return answers

    def compute_features(self, batch: NetworkBatch) -> Tensor:
        """No numbers, ``(B, 0)``: there is nothing to fit."""
        return torch.empty(len(batch), 0)

    def fit(self, features: Tensor, targets: Tensor) -> None:
        """Leave the members as they are."""

    def arguments(self) -> Mapping[str, Any]:
        return {"members": self._all}

    def to_config(self) -> dict[str, Any]:
        """The description of each member, with its class."""
        members = [{"model": type(member).__name__, **member.to_config()} for member in self._all]
        return {"members": members}

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> Ensemble:
        if not isinstance(data, Mapping) or set(data) != {"members"} or not isinstance(data["members"], list):
            raise ConfigurationError("Ensemble: expected one entry, members, that is a list")
        if len(data["members"]) > MOST_MEMBERS:
            raise ConfigurationError(
                f"Ensemble: members are {len(data['members'])}, expected at most {MOST_MEMBERS}"
            )
        return cls(members=[_member(entry) for entry in data["members"]])


def _member(entry: object) -> Predictor:
    """The model of one entry, whose weights are still to come.

    Raises:
        ConfigurationError: it describes none that makes predictions.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("model"), str):
        raise ConfigurationError("Ensemble: a member names no class; expected an entry 'model'")
    kind = MODELS.get(entry["model"], origin="Ensemble")
    if not issubclass(kind, Predictor) or issubclass(kind, Ensemble):
        raise ConfigurationError(
            f"Ensemble: a member is {format_value(entry['model'])}, expected a model that makes predictions, "
            "and no ensemble"
        )
    return kind.from_config({name: value for name, value in entry.items() if name != "model"})
