"""Everything that decides what the demonstration does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from scalegmn.configuration import Configuration, Count, Positive, Sections
from scalegmn.models import ModelConfig, Symmetry
from scalegmn.training import DataConfig, LoggingConfig, RunConfig, Schedule, TrainingConfig
from scalegmn.zoo.inrs import InrRecipe


@dataclass(frozen=True, kw_only=True)
class DemoSettings(Configuration):
    """Settings that reach a good accuracy in a few minutes on two cores.

    Attributes:
        recipe: of the fit of sine networks to images.
        copies: networks per image.
        images: use only so many images, the first; None for all.
        model: options of ScaleGMN; the permutation-only model has another symmetry and `permutation_skip`.
        permutation_skip: residual connections in the permutation-only model, which has as many weights
            with them and does not leave chance without them.
        training: of both models.
        side_by_side: train both models at once, each on one core.
        batch_size: networks per step.
        validation: fraction of the training images that chooses the best epoch.
        invariance_networks: test networks whose predictions are compared under random symmetries.
        invariance_draws: symmetries.
        seed: of the networks.
    """

    recipe: InrRecipe = field(
        default_factory=lambda: InrRecipe(hidden=(16, 16), frequency=12.0, steps=200, learning_rate=2e-3)
    )
    copies: Count = 4
    images: Count | None = None
    model: ModelConfig = field(default_factory=lambda: ModelConfig(features=32, layers=3))
    permutation_skip: bool = True
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=10, learning_rate=4e-3, schedule=Schedule.one_cycle, threads=1
        )
    )
    side_by_side: bool = True
    batch_size: Count = 64
    validation: Positive = 0.1
    invariance_networks: Count = 200
    invariance_draws: Count = 4
    seed: int = 0

    def run(
        self, symmetry: Symmetry, *, population: Path, output: Path, resume: bool, progress: bool
    ) -> RunConfig:
        """The training of one of the two models."""
        return RunConfig(
            data=DataConfig(
                population=population,
                batch_size=self.batch_size,
                validation=self.validation,
                split_seed=self.seed,
            ),
            options=Sections({"model": self.model_of(symmetry)}),
            training=self.training,
            logging=LoggingConfig(tensorboard=False, progress=progress),
            output=output,
            resume=resume,
        )

    def model_of(self, symmetry: Symmetry) -> ModelConfig:
        """The options of one of the two models."""
        skip = self.permutation_skip if symmetry is Symmetry.permutation else self.model.skip
        return dataclasses.replace(self.model, symmetry=symmetry, skip=skip)
