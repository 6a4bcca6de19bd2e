"""Training networks further on clean images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from torch import Tensor

from scalegmn.alignment import program_of
from scalegmn.configuration import Configuration, Count, Natural, NonNegative, Positive
from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.seeding import derive_seed
from scalegmn.trojans.repair.defenses._clean_images import CleanImages
from scalegmn.trojans.repair.defenses._method import ImageRepairMethod
from scalegmn.trojans.repair.defenses._program_tuning import Steps, train_program
from scalegmn.zoo.cnns import CnnTraining, Hyperparameters, Optimizer


@final
@dataclass(frozen=True, kw_only=True)
class Tuning(Configuration):
    """How networks are trained on clean images.

    Attributes:
        epochs: through the given images; 0 for none.
        batch_size: images per step.
        learning_rate: constant.
        optimizer: which.
        l2: factor of the sum of squares of all weights in the loss.

    Raises:
        ConfigurationError: a number is impossible.
    """

    epochs: Natural = 20
    batch_size: Count = 32
    learning_rate: Positive = 0.01
    optimizer: Optimizer = "adam"
    l2: NonNegative = 0.0

    def train(self, architecture: Architecture, theta: Tensor, images: CleanImages, *, seed: int) -> Tensor:
        """Trained networks ``(B, P)``; all see the images in the same order.

        Batch norms use the statistics of each mini-batch, and theirs follow.
        """
        layers = architecture.as_layers
        if layers is not None:
            return self._train_layers(layers, theta, images, seed=seed)
        steps = Steps(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            l2=self.l2,
            seed=derive_seed(seed, "fine-tuning"),
        )
        program = program_of(architecture, shape=tuple(images.inputs.shape[1:]))
        return train_program(program, theta, images.inputs, images.labels, steps=steps)

    def _train_layers(
        self, architecture: LayeredArchitecture, theta: Tensor, images: CleanImages, *, seed: int
    ) -> Tensor:
        own = Hyperparameters(
            activation="",
            w_init="he_normal",
            init_std=0.0,
            learning_rate=self.learning_rate,
            l2=self.l2,
            dropout=0.0,
            train_fraction=1.0,
            optimizer=self.optimizer,
            seed=derive_seed(seed, "fine-tuning") % 2**31,
        )
        training = CnnTraining(
            architecture=architecture,
            theta=theta,
            networks=[own] * len(theta),
            images=images.inputs,
            labels=images.labels,
            batch_size=self.batch_size,
        )
        for _ in range(self.epochs):
            training.epoch()
        return training.theta


@final
@dataclass(frozen=True, kw_only=True)
class FineTuning(ImageRepairMethod):
    """Training on clean images alone, in the hope that the trigger is forgotten.

    Attributes:
        count: clean images.
        tuning: of all of them.
    """

    tuning: Tuning = field(default_factory=Tuning)

    @property
    def name(self) -> str:
        return "fine-tuning"

    def _repair_with(
        self, architecture: Architecture, theta: Tensor, *, images: CleanImages, seed: int
    ) -> Tensor:
        return self.tuning.train(architecture, theta, images, seed=seed)
