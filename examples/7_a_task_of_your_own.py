# %% [markdown]
# # Bring your own task
#
# Ask a question about networks that the library does not know: one class, registered, and every
# command can train, evaluate and predict it: one minute.

# %%
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torchmetrics import MeanAbsoluteError, MetricCollection

from scalegmn import ModelConfig, Population, Run, evaluate, load_images, train
from scalegmn.configuration import Configuration
from scalegmn.reports import ScatterPanel, draw_scatter
from scalegmn.tasks import regression_report
from scalegmn.training import (
    DataConfig,
    LoggingConfig,
    NumberTask,
    Report,
    RunConfig,
    TaskContext,
    TrainingConfig,
    predict_population,
)
from scalegmn.zoo.cnns import CnnRecipe, HyperSpace, ZooFamily, make_cnns

# %% tags=["parameters"]
networks = 120
epochs = 30
least_r2 = 0.7  # on test networks

# %% [markdown]
# ## The question
#
# How much can a network enlarge a change of its input? The product of the spectral norms of its
# weights is a bound. It is easily computed, so this is an exercise: can a metanetwork learn it?
#
# If the gain stood in a column of the population, no code would be needed: `task: regression`,
# `data.label: gain`. Here it is computed from the networks, so the task is ours.
#
# The networks are small CNNs, at their start and after one epoch on digits, with hyper-parameters
# drawn at random.

# %%
digits = load_images("digits").subset(np.r_[0:500, 1500:1700])
space = HyperSpace(activations=("tanh",), w_inits=("normal",), init_std=(0.02, 0.5))
recipe = CnnRecipe(family=ZooFamily(channels=(8, 8), padding=1), space=space, checkpoints=(0, 1))
make_cnns(digits, "cnns", recipe=recipe, networks=networks, progress=False)
population = Population.open("cnns")

# %% [markdown]
# ## Options
#
# A frozen dataclass. Its fields become options such as `--gain.norm frobenius`, checked and
# explained by `scalegmn train --help`, and are written into run folders.


# %%
class Norm(Enum):
    """Norm of a weight matrix: largest singular value, or root of the sum of squares."""

    spectral = 2
    frobenius = "fro"


@dataclass(frozen=True, kw_only=True)
class GainConfig(Configuration):
    """What is predicted.

    Attributes:
        norm: of the weight matrices.
    """

    norm: Norm = Norm.spectral


# %% [markdown]
# ## The task
#
# A `NumberTask` predicts numbers with a unit, and its predictions have intervals. It says what it
# is called, how it is built from a training population, what the targets of some networks are, what
# is learned and measured, and what an output means. Outputs of the model are standardized
# logarithms; what a person reads is the gain itself.


# %%
@final
class Gain(NumberTask[Tensor]):
    """The product of the norms of all weight matrices."""

    name = "gain"
    sections = MappingProxyType({"gain": GainConfig})
    monitor = "mae"
    larger_is_better = False
    headline = ("mae", "r2")

    def __init__(self, *, config: GainConfig, center: float = 0.0, spread: float = 1.0) -> None:
        self.config, self.center, self.spread = config, center, spread

    @classmethod
    def build(cls, context: TaskContext) -> "Gain":
        task = cls(config=context.options.of(GainConfig))
        values = task.targets(context.population, context.train)
        return cls(config=task.config, center=float(values.mean()), spread=float(values.std()))

    def arguments(self) -> Mapping[str, Any]:
        return {"config": self.config, "center": self.center, "spread": self.spread}

    @property
    def outputs(self) -> int:
        return 1

    def targets(self, population: Population, rows: np.ndarray) -> Tensor:
        found = torch.empty(len(rows), dtype=torch.float64)
        for architecture, positions, theta in population.groups(rows):
            tensors = architecture.unflatten(theta.double()).values()
            weights = [tensor.flatten(2) for tensor in tensors if tensor.ndim > 2]
            norms = [
                torch.linalg.matrix_norm(weight, ord=self.config.norm.value) for weight in weights
            ]
            found[positions] = torch.stack(norms).log10().sum(0)
        return ((found - self.center) / self.spread).float()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs[:, 0].float(), targets)

    def metrics(self) -> MetricCollection:
        return MetricCollection({"mae": MeanAbsoluteError()})

    def measure(self, metrics: MetricCollection, outputs: Tensor, targets: Tensor) -> None:
        metrics.update(outputs[:, 0].float(), targets)

    def report(
        self, outputs: Tensor, targets: Tensor, *, groups: np.ndarray | None = None
    ) -> Report:
        true, predicted = self.logarithms(targets), self.logarithms(outputs[:, 0])
        loss = float(self.loss(outputs, targets))
        return regression_report(
            true, predicted, label="gain", log=True, loss=loss, groups=groups
        )

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        return [{"gain": 10**value} for value in self.logarithms(outputs[:, 0]).tolist()]

    def errors(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        return np.abs(self.logarithms(outputs[:, 0]) - self.logarithms(targets))

    def intervals(self, outputs: Tensor, radius: float) -> list[tuple[float, float]]:
        middle = self.logarithms(outputs[:, 0]).tolist()
        return [(10 ** (value - radius), 10 ** (value + radius)) for value in middle]

    def logarithms(self, standardized: Tensor) -> np.ndarray:
        return (standardized.detach().cpu().double() * self.spread + self.center).numpy()


Gain.register()

# %% [markdown]
# ## Training, evaluation, prediction
#
# From here on it is a task like those of the library.

# %%
train(
    RunConfig(
        data=DataConfig(
            population=Path("cnns"), batch_size=16, group="network", validation=0.2, test=0.2
        ),
        task="gain",
        options={
            "gain": GainConfig(norm=Norm.frobenius),
            "model": ModelConfig(features=16, layers=2, readout="full_graph"),
        },
        training=TrainingConfig(epochs=epochs, learning_rate=3e-3, warmup_steps=20),
        logging=LoggingConfig(tensorboard=False, progress=False),
        output=Path("run"),
    )
)
run = Run.open("run")
assert isinstance(run.task, Gain) and run.task.config.norm is Norm.frobenius

summary = evaluate(run).report.summary
print(f"R² of logarithms {summary['r2']:.2f} on {summary['networks']} test networks")
assert summary["r2"] >= least_r2

# %% [markdown]
# Networks of another seed, which the run has never seen, with their predictions and intervals:

# %%
make_cnns(digits, "others", recipe=recipe, networks=networks // 3, seed=1, progress=False)
others = Population.open("others")
rows = np.arange(len(others))
predictions = [prediction.values for prediction in predict_population(run, others, rows)]
print(dict(predictions[0]))
draw_scatter(
    [
        ScatterPanel(
            "ScaleGMN",
            10 ** run.task.logarithms(run.task.targets(others, rows)),
            np.array([values["gain"] for values in predictions]),
            categories=[f"epoch {epoch}" for epoch in others.column("epoch")],
        )
    ],
    label="gain",
    log=True,
)

# %% [markdown]
# **Next.** [Extending](../docs/extending.md) has metanetworks, message functions, readouts,
# triggers and sources of images of your own, and `examples/extension` is a package whose task every
# command finds once it is installed.
