"""Boosted trees on statistics of the weights: a baseline that is not trained by gradients.

Papers: Unterthiner et al., "Predicting Neural Network Accuracy from Weights", 2020, for statistics and
trees; Ke et al., "LightGBM", NeurIPS 2017, for trees on binned features, as scikit-learn has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph.network_batch import NetworkBatch
from scalegmn.models.baselines.perceptron import size_mistakes
from scalegmn.models.baselines.statnn_features import PER_SLOT, padded_features
from scalegmn.models.metanetwork import FittedJudge
from scalegmn.networks.architecture import Architecture
from scalegmn.shapes import NetworkVectors

# Predictions this close to 0 or 1 have no finite logit or logarithm that float32 brings back.
_CLOSEST = 1e-7


class AnswerKind(Enum):
    """What the trees predict, and how the answer says it, so that it compares with that of other models.

    ``value``: a number, as it is.  ``logit``: a number between 0 and 1, as its logit, for tasks that put a
    sigmoid behind the answer.  ``log_probability``: a class, as the logarithms of the probabilities of all
    classes.
    """

    value = "value"
    logit = "logit"
    log_probability = "log_probability"


@dataclass(frozen=True, kw_only=True)
class BoostingConfig:
    """Options of the boosted trees.

    Attributes:
        iterations: trees (of classes: trees for each class).
        learning_rate: share of every tree in the sum.
        leaves: most leaves of a tree.
        networks_in_leaf: fewest training networks in a leaf.
        l2: penalty on the values of leaves.
        features_per_split: share of the statistics, drawn anew, that every split may choose from.
    """

    iterations: int = 300
    learning_rate: float = 0.05
    leaves: int = 31
    networks_in_leaf: int = 20
    l2: float = 0.0
    features_per_split: float = 0.5

    def __post_init__(self) -> None:
        mistakes = size_mistakes({"iterations": self.iterations, "networks_in_leaf": self.networks_in_leaf})
        mistakes += size_mistakes({"leaves": self.leaves}, least=2)
        if not self.learning_rate > 0:
            mistakes.append(f"learning_rate is {self.learning_rate!r}, expected a positive number")
        if not self.l2 >= 0:
            mistakes.append(f"l2 is {self.l2!r}, expected 0 or a positive number")
        if not 0 < self.features_per_split <= 1:
            mistakes.append(f"features_per_split is {self.features_per_split!r}, expected a share in (0, 1]")
        if mistakes:
            raise ConfigurationError("boosting: " + "; ".join(mistakes))


@final
class StatNNBoosting(FittedJudge):
    """Histogram gradient boosting (scikit-learn) on statistics of weights.  Reads mixed architectures.

    It has no weights and is not trained by gradients: :meth:`fit` keeps the statistics and the targets of
    the training networks, and grows trees from them.  These, not the trees, are what is saved, because trees
    could only be saved as a pickle, which can run code.  A loaded model grows its trees again when it is
    first asked.  The random numbers come from `seed`, so they are the same trees; another version of
    scikit-learn may grow others.

    Args:
        layers: most weighted layers that a network has.
        outputs: length of the answer: 1, or the number of classes.
        kind: what is predicted.
        seed: of the random numbers.
        config: options.
        networks: training networks that a saved model holds.

    Raises:
        ConfigurationError: `outputs` does not fit `kind`.

    Law: invariant under permutations of hidden neurons, under nothing else.
    """

    # Both float32, whatever they were, so that a loaded model grows the same trees.
    features: Tensor
    targets: Tensor

    def __init__(
        self,
        *,
        layers: int,
        outputs: int,
        kind: AnswerKind,
        config: BoostingConfig,
        seed: int = 0,
        networks: int = 0,
    ) -> None:
        super().__init__()
        classes = kind is AnswerKind.log_probability
        if (outputs < 2) if classes else (outputs != 1):
            expected = "at least 2, one for each class" if classes else "1"
            raise ConfigurationError(
                f"boosting: {outputs} outputs for answers of kind {kind.value!r}, expected {expected}"
            )
        self.layers, self.outputs, self.kind, self.config, self.seed = layers, outputs, kind, config, seed
        self.register_buffer("features", torch.zeros(networks, PER_SLOT * layers))
        self.register_buffer("targets", torch.zeros(networks))
        self._trees: Any = None

    @classmethod
    def of(
        cls,
        architectures: Sequence[Architecture],
        *,
        outputs: int,
        kind: AnswerKind,
        config: BoostingConfig,
        seed: int = 0,
    ) -> StatNNBoosting:
        """A new model that reads networks of these architectures."""
        layers = max(len(architecture.stages) for architecture in architectures)
        return cls(layers=layers, outputs=outputs, kind=kind, config=config, seed=seed)

    @torch.no_grad()
    def read(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """The statistics that :meth:`fit` and the trees read, ``(B, 15 layers)``."""
        return padded_features(batch, layers=self.layers)

    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Grow trees for the statistics and targets of N training networks.

        Args:
            features: ``(N, 15 layers)``, from :meth:`read`.
            targets: ``(N,)`` or ``(N, 1)``: the numbers to predict, between 0 and 1 for logits, or the
                numbers of the classes.

        Raises:
            ConfigurationError: numbers that are not finite, or targets that the kind of answer cannot have.
        """
        targets = targets.reshape(-1)
        self._check(features, targets)
        self.features, self.targets = features.detach().float().cpu(), targets.detach().float().cpu()
        self._trees = self._grown()

    def answer(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, outputs)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: a network has more weighted layers than the model was made for.
            ConfigurationError: the model was not fitted.
        """
        if not len(self.targets):
            raise ConfigurationError("boosting: the model was not fitted; call fit with training networks")
        if self._trees is None:
            self._trees = self._grown()
        features = self.read(batch).float().cpu().numpy()
        if self.kind is AnswerKind.log_probability:
            answer = self._log_probabilities(features)
        else:
            answer = torch.from_numpy(self._trees.predict(features)).unsqueeze(1)
            if self.kind is AnswerKind.logit:
                answer = torch.logit(answer, eps=_CLOSEST)
        return answer.to(batch.parts[0][1])

    def fit_scale(self, batch: NetworkBatch) -> None:
        """Nothing: trees only ask which of two numbers is larger."""

    def to_config(self) -> dict[str, Any]:
        return {
            "layers": self.layers,
            "outputs": self.outputs,
            "kind": self.kind.value,
            "config": dataclasses.asdict(self.config),
            "seed": self.seed,
            "networks": len(self.targets),
        }

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> StatNNBoosting:
        try:
            kind = AnswerKind(data["kind"])
        except ValueError as error:
            raise ConfigurationError(f"the saved configuration of boosted trees: {error}") from error
        return cls(
            layers=data["layers"],
            outputs=data["outputs"],
            kind=kind,
            config=BoostingConfig(**data["config"]),
            seed=data["seed"],
            networks=data["networks"],
        )

    def _check(self, features: Tensor, targets: Tensor) -> None:
        expected = (len(targets), PER_SLOT * self.layers)
        if tuple(features.shape) != expected or not len(targets):
            raise ConfigurationError(
                f"boosting: statistics of shape {tuple(features.shape)} for {len(targets)} targets, expected "
                f"{expected} and at least one; take them from StatNNBoosting.read"
            )
        for name, values in (("statistics", features), ("targets", targets.double())):
            wrong = int((~torch.isfinite(values)).sum())
            if wrong:
                raise ConfigurationError(
                    f"boosting: {wrong} {name} are NaN or infinite; leave out networks that diverged"
                )
        low, high = float(targets.min()), float(targets.max())
        if self.kind is AnswerKind.logit and not 0 <= low <= high <= 1:
            raise ConfigurationError(
                f"boosting: targets between {low} and {high} have no logit, expected them in [0, 1]"
            )
        if self.kind is AnswerKind.log_probability:
            whole = bool((targets == targets.round()).all())
            if not whole or not 0 <= low < high < self.outputs:
                raise ConfigurationError(
                    f"boosting: targets between {low} and {high}, expected numbers of two or more of the "
                    f"{self.outputs} classes"
                )

    def _grown(self) -> Any:
        """Trees for the kept statistics and targets."""
        try:
            from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        except ImportError as error:
            raise ConfigurationError(
                "boosting: boosted trees need scikit-learn, which is not installed; install "
                "scalegmn[populations]"
            ) from error
        classes = self.kind is AnswerKind.log_probability
        trees = HistGradientBoostingClassifier() if classes else HistGradientBoostingRegressor()
        trees.set_params(
            max_iter=self.config.iterations,
            learning_rate=self.config.learning_rate,
            max_leaf_nodes=self.config.leaves,
            min_samples_leaf=self.config.networks_in_leaf,
            l2_regularization=self.config.l2,
            max_features=self.config.features_per_split,
            early_stopping=False,
            # scikit-learn takes 32 bits.
            random_state=self.seed % 2**32,
        )
        features, targets = self.features.float().cpu().numpy(), self.targets.float().cpu().numpy()
        return trees.fit(features, targets.astype(np.int64) if classes else targets)

    def _log_probabilities(self, features: np.ndarray) -> Tensor:
        """``(B, outputs)``; classes that no training network has are as good as impossible."""
        found = np.zeros((len(features), self.outputs))
        found[:, self._trees.classes_] = self._trees.predict_proba(features)
        return torch.from_numpy(found).clamp_min(_CLOSEST).log()
