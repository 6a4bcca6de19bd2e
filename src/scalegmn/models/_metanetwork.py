"""What every metanetwork has in common, whatever it does with the networks it reads.

A metanetwork that configurations can name is one class in one file: what it is called, which options it has,
how it is built, what it can read.  It is found by its name in :data:`PREDICTORS` or :data:`EDITORS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, TypeVar

from torch import Tensor

from scalegmn.configuration import Configuration, Sections
from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models._saving import SavedModule
from scalegmn.models.baselines import OutputType
from scalegmn.networks import Architecture, mean_architecture
from scalegmn.registry import Lazy, Registry
from scalegmn.shapes import NetworkVectors

M = TypeVar("M", bound="Metanetwork")


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelContext:
    """What a metanetwork is built for.

    Attributes:
        architectures: of the networks that it has to read.
        options: of all that take part in a training; a model takes its own out by their class.
        outputs: numbers about each network; 0 for editors.
        fitted_outputs: as many as those models return that are fitted at once.
        output_type: what these return, so that the task reads it as the prediction of any model; None for
            editors, and before the task is known.
        seed: for what is drawn later; initial weights come from PyTorch's generator, which is seeded.
    """

    architectures: Sequence[Architecture]
    options: Sections
    outputs: int = 0
    fitted_outputs: int = 0
    output_type: OutputType | None = None
    seed: int = 0

    @property
    def known_output_type(self) -> OutputType:
        """The type of output, which is known where a model predicts."""
        assert self.output_type is not None, "a model that predicts is built for a task that is known"
        return self.output_type


class Metanetwork(SavedModule, ABC):
    """A module that reads networks."""

    name: ClassVar[str]
    """Name in configurations."""

    sections: ClassVar[Mapping[str, type[Configuration]]] = MappingProxyType({})
    """Classes of its options, by the sections of configurations that hold them."""

    one_layout: ClassVar[bool] = False
    """Whether it reads only networks whose parameters all have the same names and shapes."""

    recomputes: ClassVar[bool] = False
    """Whether it has message passing layers, which can be computed again for the gradient."""

    @classmethod
    @abstractmethod
    def build(cls: type[M], context: ModelContext) -> M:
        """A new model for a training.

        Raises:
            ConfigurationError: it cannot read such networks, or does not predict what is asked.
        """

    @classmethod
    def check(cls, context: ModelContext) -> None:
        """Refuse what it cannot read or prediction, before any work starts.

        Raises:
            ConfigurationError: says why.
        """
        if cls.one_layout:
            check_layout(context.architectures, reader=cls.name)

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        """What tells runs of this model apart in the names of their folders, beside the name of the model."""
        return ()

    @classmethod
    def runs_of(cls, options: Sections) -> tuple[Path, ...]:
        """Run folders of trained models that it is made of; by default none."""
        return ()

    @property
    def limits(self) -> GraphSpec | None:
        """The largest networks that it can read, where its weights depend on it."""
        return None

    @property
    def any_width(self) -> bool:
        """Whether answers stay under neurons that are split, or that nobody reads, whatever the width."""
        return False

    @property
    def fitted_part(self) -> FittedPredictor | None:
        """A part that is fitted to all training networks at once, before the rest is learned step by step."""
        return None

    def settle(self, judge: Callable[[], float]) -> None:
        """Decide what training networks cannot tell, such as how much parts count; by default nothing.

        A training calls it once, with the best weights.

        Args:
            judge: the loss of the model as it is, on validation networks.
        """
        return

    @abstractmethod
    def fit_scale(self, batch: NetworkBatch) -> None:
        """Estimate per-layer normalization constants (parameter RMS) from training networks.

        A training loop of one's own calls it once, with a thousand training networks or so, before the first
        step; without it the first step warns (:class:`scalegmn.errors.UnfittedWarning`).  Single networks
        whose training diverged do not move the constants (:func:`scalegmn.nn.robust_moments`).
        """


class Predictor(Metanetwork, ABC):
    """A metanetwork that predicts a vector for every network."""

    outputs: int

    @classmethod
    def register(cls) -> None:
        """Let configurations and saved models name this class.

        Raises:
            ConfigurationError: another class has the name.
        """
        MODELS.register(cls.__name__, cls)
        PREDICTORS.register(cls.name, cls)

    @abstractmethod
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.

        Raises:
            GraphError: the batch holds networks that it cannot read.
        """

    def predict_to_learn(self, batch: NetworkBatch) -> tuple[NetworkVectors, ...]:
        """The answers of which each gets a loss of its own in training, ``(B, outputs)``: by default what
        :meth:`predict` returns, and of a mean of models that of each."""
        return (self.predict(batch),)


class Embedder(Predictor, ABC):
    """A predictor that brings every network to a vector first."""

    @abstractmethod
    def embedded(self, batch: NetworkBatch) -> NetworkVectors:
        """The vector of every network, ``(B, width)``, in the order of the batch."""


class FittedPredictor(Predictor, ABC):
    """A predictor that is not trained by gradients, but fitted to all training networks at once."""

    @abstractmethod
    def compute_features(self, batch: NetworkBatch) -> Tensor:
        """Features of networks, ``(B, F)``, in the order of the batch."""

    @abstractmethod
    def fit(self, features: Tensor, targets: Tensor) -> None:
        """Fit the model to the features of the training networks, ``(N, F)``, and their targets."""

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Nothing: :meth:`fit` takes what it needs from the features of all training networks."""


class Editor(Metanetwork, ABC):
    """A metanetwork that writes new networks."""

    @classmethod
    def register(cls) -> None:
        """Let configurations and saved models name this class.

        Raises:
            ConfigurationError: another class has the name.
        """
        MODELS.register(cls.__name__, cls)
        EDITORS.register(cls.name, cls)

    @abstractmethod
    def edit(self, batch: NetworkBatch) -> NetworkBatch:
        """The batch with other parameters, of networks of the architectures :meth:`edited_architecture`.

        Raises:
            GraphError: the batch holds networks that it cannot read.
        """

    @property
    def output_networks(self) -> int:
        """How many networks it writes for each; the edited network computes their mean."""
        return 1

    def edit_each(self, batch: NetworkBatch) -> tuple[NetworkBatch, ...]:
        """The networks that it writes, as many batches of the given architectures as :attr:`output_networks`.

        Raises:
            GraphError: the batch holds networks that it cannot read.
        """
        return (self.edit(batch),)

    def edited_architecture(self, architecture: Architecture) -> Architecture:
        """The architecture of edited networks: wider where they are the mean of several.

        Raises:
            ArchitectureError: such networks cannot be averaged in one.
        """
        return mean_architecture(architecture, self.output_networks)


def check_layout(architectures: Sequence[Architecture], *, reader: str) -> None:
    """Raise a ConfigurationError that names the model where parameters have different names or shapes."""
    layouts = {architecture.parameters for architecture in architectures}
    if len(layouts) > 1:
        raise ConfigurationError(
            f"metanetwork: {reader} reads networks whose parameters have the same shapes, there are "
            f"{len(layouts)} different ones in {len(architectures)} architectures; use scalegmn, or choose "
            "networks with data.where"
        )


_PREDICTORS: Final = {
    "scalegmn": Lazy("scalegmn.models:ScaleGMN"),
    "scalegmn_probes": Lazy("scalegmn.models:ProbedScaleGMN"),
    "scalegmn_and_probes": Lazy("scalegmn.models:ScaleGMNAndProbes"),
    "hybrid": Lazy("scalegmn.models:Hybrid"),
    "flat_mlp": Lazy("scalegmn.models.baselines:FlatMLP"),
    "statnn_mlp": Lazy("scalegmn.models.baselines:StatNNMLP"),
    "feature_average": Lazy("scalegmn.models.baselines:FeatureAverage"),
    "feature_boosting": Lazy("scalegmn.models.baselines:FeatureBoosting"),
    "feature_logistic": Lazy("scalegmn.models.baselines:FeatureLogistic"),
    "last_layer_anomaly": Lazy("scalegmn.models.baselines:LastLayerAnomaly"),
    "nfn": Lazy("scalegmn.models.baselines:NFN"),
    "probes": Lazy("scalegmn.models.baselines:Probes"),
    "aligned_logistic": Lazy("scalegmn.trojans.detection:AlignedLogistic"),
    "ensemble": Lazy("scalegmn.training:Ensemble"),
}
_EDITORS: Final = {
    "scalegmn": Lazy("scalegmn.models:ScaleGMNEditor"),
    "flat_mlp": Lazy("scalegmn.models.baselines:FlatMLPEditor"),
}

PREDICTORS: Final = Registry[type[Predictor]]("metanetwork", entries=_PREDICTORS)
"""Metanetworks that make predictions, by the names that configurations have for them."""

EDITORS: Final = Registry[type[Editor]]("metanetwork", entries=_EDITORS)
"""Metanetworks that write networks, by the names that configurations have for them."""

MODELS: Final = Registry[type[Metanetwork]](
    "class of the model",
    entries={entry.name: entry for entry in (*_PREDICTORS.values(), *_EDITORS.values())},
    remedy="install the extension that has it, or load it with --extension",
)
"""Classes of saved models, by their own names."""
