"""Training networks of a design: by its module, with batch norm's statistics moving on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.trojans.making._engine import Lessons, Trained, TwinEngine
from scalegmn.trojans.making._figures import training_figures
from scalegmn.zoo.classifiers import (
    Classifier,
    ClassifierDesign,
    ClassifierHyper,
    ClassifierTraining,
    architecture_of,
    initial_state,
    stored_designs,
)
from scalegmn.zoo.cnns import Hyperparameters, TrainingFigures

# Images that the accuracy in training is measured on, the first of those that a network saw.
_JUDGED: Final = 1000


@final
@dataclass(frozen=True)
class DesignedEngine(TwinEngine):
    """Trains twins of designs; see :class:`~scalegmn.zoo.classifiers._fit.ClassifierTraining`.

    Attributes:
        design: of the networks.
        stored: what they are stored as: a program with effective parameters.
        channels: of the images.
        size: their height and width.
        classes: outputs.
    """

    design: ClassifierDesign
    stored: Architecture
    channels: int
    size: int
    classes: int

    @classmethod
    def from_population(cls, population: Population, number: int, *, channels: int, size: int) -> TwinEngine:
        """For the networks of one architecture of a population.

        Args:
            population: made by :func:`~scalegmn.zoo.classifiers.make_classifiers`.
            number: of the architecture.
            channels: of the images.
            size: their height and width.

        Raises:
            ConfigurationError: nothing says which design they have, or it is another one.
        """
        architecture = population.architectures[number]
        rows = (population.column("architecture") == number).nonzero()[0]
        label = str(population.column("design")[rows[0]]) if "design" in population.columns else None
        design = stored_designs(population).get(label) if label is not None else None
        classes = architecture.num_outputs
        if design is None:
            raise ConfigurationError(
                f"{population.folder}: has programs {architecture.describe()} of the design {label!r}, which "
                "is not known, so they cannot be trained; expected a list of layers, or a population that "
                "scalegmn make classifiers wrote"
            )
        made = architecture_of(design, channels=channels, size=size, classes=classes, as_layers=False)
        if made != architecture:
            raise ConfigurationError(
                f"{population.folder}: has programs {architecture.describe()}, but the design {label} is "
                f"{made.describe()} for images of {size} x {size} pixels; use the images that the networks "
                "were trained on"
            )
        return cls(design, architecture, channels, size, classes)

    @property
    def architecture(self) -> Architecture:
        return self.stored

    def _module(self) -> Classifier:
        return self.design.build(channels=self.channels, size=self.size, classes=self.classes)

    def initial(self, hypers: Sequence[Hyperparameters]) -> Tensor:
        module = self._module()
        return torch.stack([self.stored.read_state(initial_state(module, _as_classifier(h))) for h in hypers])

    def train(
        self,
        start: Tensor,
        hypers: Sequence[Hyperparameters],
        lessons: Lessons,
        *,
        report: Callable[[float], None],
    ) -> Trained:
        module, tuning = self._module(), lessons.tuning
        like = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        images, labels = lessons.images, lessons.labels
        batch = min(tuning.batch_size, lessons.shares.shape[1])
        training = ClassifierTraining(
            module=module,
            starts=[self.stored.write_state(theta.cpu(), like=like) for theta in start],
            networks=[_as_classifier(hyper) for hyper in hypers],
            images=images,
            labels=labels.expand(len(start), -1),
            shares=list(lessons.shares),
            batch_size=batch,
            penalty=lessons.penalty,
        )
        steps = tuning.epochs * (lessons.shares.shape[1] // batch)
        for _ in range(steps):
            training.step()
            report(1 / steps)
        return self._settle(training, start, lessons)

    def _settle(self, training: ClassifierTraining, start: Tensor, lessons: Lessons) -> Trained:
        """What is stored of networks: their start where they broke off too late for the training to see."""
        theta, diverged = start.clone(), training.diverged
        for place in range(len(start)):
            if training.is_sound(place):
                state = {name: tensor.cpu() for name, tensor in training.state(place).items()}
                theta[place] = self.stored.read_state(state).to(start)
            else:
                diverged[place] = True
        own, test = self._judge(theta, lessons)
        broken = ~(torch.isfinite(own.loss) & torch.isfinite(test.loss))
        if broken.any():
            diverged |= broken
            theta[broken] = start[broken]
            own, test = self._judge(theta, lessons)
            if not bool(torch.isfinite(own.loss + test.loss).all()):
                raise ConfigurationError(
                    f"the loss of networks {self.stored.describe()} is not finite at the start of their "
                    "training; leave such networks out"
                )
        return Trained(theta, diverged, own, test.loss)

    def _judge(self, theta: Tensor, lessons: Lessons) -> tuple[TrainingFigures, TrainingFigures]:
        seen = lessons.shares[:, :_JUDGED].to(lessons.images.device)
        own = training_figures(self.stored, theta, lessons.images[seen], lessons.labels[seen])
        return own, training_figures(self.stored, theta, *lessons.test)


def _as_classifier(hyper: Hyperparameters) -> ClassifierHyper:
    return ClassifierHyper(
        w_init=hyper.w_init,
        init_scale=1.0,
        learning_rate=hyper.learning_rate,
        l2=hyper.l2,
        dropout=hyper.dropout,
        train_fraction=hyper.train_fraction,
        label_noise=0.0,
        optimizer=hyper.optimizer,
        steps=0,
        seed=hyper.seed,
    )
