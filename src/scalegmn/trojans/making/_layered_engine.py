"""Training networks whose layers stand in a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.networks import LayeredArchitecture
from scalegmn.trojans.making._engine import Lessons, Trained, TwinEngine
from scalegmn.zoo.cnns import CnnTraining, Hyperparameters, initial_parameters


@final
@dataclass(frozen=True)
class LayeredEngine(TwinEngine):
    """Trains twins of CNNs; see :class:`~scalegmn.zoo.cnns._fit.CnnTraining`."""

    layers: LayeredArchitecture

    @property
    def architecture(self) -> LayeredArchitecture:
        return self.layers

    def initial(self, hypers: Sequence[Hyperparameters]) -> Tensor:
        return initial_parameters(self.layers, hypers)

    def train(
        self,
        start: Tensor,
        hypers: Sequence[Hyperparameters],
        lessons: Lessons,
        *,
        report: Callable[[float], None],
    ) -> Trained:
        tuning = lessons.tuning
        training = CnnTraining(
            architecture=self.layers,
            theta=start,
            networks=hypers,
            images=lessons.images,
            labels=lessons.labels,
            shares=lessons.shares,
            batch_size=tuning.batch_size,
            penalty=lessons.penalty,
        )
        for _ in range(tuning.epochs):
            training.epoch(lambda part: report(part / tuning.epochs))
        own, other = training.settle(*lessons.test)
        return Trained(training.theta, training.diverged, own, other.loss)
