"""Logistic regression on weights, of networks that were aligned with a reference network.

Paper: Huster, Lin, Stefanescu, Ekwedike, Chadha, "Solving Trojan Detection Competitions with Linear Weight
Classification", arXiv 2411.03445, 2024, as its abstract describes it: features are selected and standardized,
the weights of a reference are subtracted, networks are aligned, and a linear classifier decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from scalegmn.alignment import Matching
from scalegmn.configuration import Configuration, Count, Natural, Sections
from scalegmn.errors import ConfigurationError, GraphError, ProgramError, SymmetryError
from scalegmn.graph import NetworkBatch
from scalegmn.models import FittedPredictor, ModelContext
from scalegmn.models.baselines import LogisticConfig, OutputType, check_targets, solve_logistic
from scalegmn.networks import Architecture
from scalegmn.shapes import NetworkVectors

from ._reference import ReferenceAligner

_MATCHINGS: Final = {
    "all": Matching(),
    "permutations": Matching(scales=False, signs=False, phases=False),
    "none": None,
}


@dataclass(frozen=True, kw_only=True)
class AlignedConfig(Configuration):
    """Options of what is read of weights.

    Attributes:
        symmetries: by which networks are aligned with the reference: all of their group, permutations of
            channels alone, or none.
        rounds: the reference is at first the first clean training network; in each round the mean of all
            clean ones, aligned with it, takes its place.
        selected: weights of each architecture, those that correlate most with the label over training
            networks.
    """

    symmetries: Literal["all", "permutations", "none"] = "all"
    rounds: Natural = 1
    selected: Count = 1000


@final
class AlignedLogistic(FittedPredictor):
    r"""Weights of aligned networks minus those of a reference, and a linear map to a logit.

    .. math:: y = w_A \cdot (\hat\theta - \theta_A) + b_A

    of a network of the architecture A, aligned with its reference :math:`\theta_A`
    (:class:`scalegmn.alignment.Aligner`).  The map is a logistic regression on the selected weights,
    standardized on training networks, one for each architecture.  As all networks of an architecture share
    one reference, it matters through the alignment alone.  Of an architecture that has no clean or no
    trojaned training networks nothing is known, and the answer is the same for all its networks: the log odds
    of training networks.

    Args:
        fingerprints: of the architectures that it reads.
        sizes: parameters of each.
        config: options of what is read.
        logistic: options of the regression.

    Raises:
        ConfigurationError: other numbers of fingerprints and sizes, or none.

    Law: invariant under the symmetries that networks are aligned by, up to rounding and as far as the
    aligner brings networks back: networks that are nothing like the reference have no unique match.

    Source: arXiv 2411.03445, as its abstract describes it.
    """

    name = "aligned_logistic"
    sections = MappingProxyType({"aligned": AlignedConfig, "logistic": LogisticConfig})
    references: Tensor
    """Reference networks of all architectures, one after another."""
    weights: Tensor
    intercepts: Tensor
    fitted: Tensor
    """1 after the fit, and 0 before."""

    def __init__(
        self,
        *,
        fingerprints: tuple[str, ...],
        sizes: tuple[Count, ...],
        config: AlignedConfig,
        logistic: LogisticConfig,
    ) -> None:
        super().__init__()
        if not sizes or len(sizes) != len(set(fingerprints)):
            raise ConfigurationError(
                f"aligned: {len(sizes)} sizes for {len(set(fingerprints))} fingerprints, expected as many, "
                "and at least one; save the model again"
            )
        self.fingerprints, self.sizes, self.config, self.logistic = fingerprints, sizes, config, logistic
        self.outputs = 1
        for name in ("references", "weights"):
            self.register_buffer(name, torch.zeros(sum(sizes)))
        self.register_buffer("intercepts", torch.zeros(len(sizes)))
        self.register_buffer("fitted", torch.zeros(1))
        self._aligners: dict[int, ReferenceAligner] = {}

    @classmethod
    def check(cls, context: ModelContext) -> None:
        if context.output_type not in (None, OutputType.log_odds):
            raise ConfigurationError(
                f"metanetwork: {cls.name} tells two classes apart, and the task asks for something else; "
                "use feature_logistic or feature_boosting"
            )
        matching = _MATCHINGS[context.options.of(AlignedConfig).symmetries]
        for architecture in context.architectures:
            try:
                ReferenceAligner(architecture, matching=matching)
            except (SymmetryError, ProgramError) as error:
                raise ConfigurationError(
                    f"metanetwork: {cls.name} cannot align {architecture.describe()}: {error}"
                ) from error

    @classmethod
    def build(cls, context: ModelContext) -> AlignedLogistic:
        cls.check(context)
        return cls(
            fingerprints=tuple(architecture.fingerprint for architecture in context.architectures),
            sizes=tuple(architecture.num_parameters for architecture in context.architectures),
            config=context.options.of(AlignedConfig),
            logistic=context.options.of(LogisticConfig),
        )

    @classmethod
    def words(cls, options: Sections) -> tuple[str, ...]:
        return (options.of(AlignedConfig).symmetries,)

    @torch.no_grad()
    def compute_features(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        """The number of each network's architecture, and its parameters as they are, filled up with zeros.

        Raises:
            GraphError: an architecture that the model was not made for.
        """
        parts = []
        for architecture, theta in batch.parts:
            number = self._number(architecture)
            theta = pad(theta, (0, max(self.sizes) - theta.shape[1]))
            parts.append(torch.cat([theta.new_full((len(theta), 1), number), theta], dim=1))
        return torch.cat(parts)

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "N F"], targets: Tensor) -> None:
        """Find references and coefficients for N training networks.

        Args:
            features: ``(N, F)``, from :meth:`compute_features` of this model.
            targets: ``(N,)`` or ``(N, 1)``, 1 for trojaned networks and 0 for clean ones.

        Raises:
            ConfigurationError: numbers that are not finite, or no architecture that has both.
            SymmetryError: a network cannot be aligned.
        """
        targets = targets.reshape(-1)
        size = 1 + max(self.sizes)
        check_targets(OutputType.log_odds, features, targets, outputs=1, size=size, section="aligned")
        numbers, trojaned = features[:, 0].long().cpu(), targets.cpu() > 0
        known = [number for number in range(len(self.sizes)) if len(trojaned[numbers == number].unique()) > 1]
        if not known:
            raise ConfigurationError(
                f"aligned: none of the {len(self.sizes)} architectures has clean and trojaned training "
                "networks, expected one that has both; choose networks with data.where, or another "
                "metanetwork"
            )
        self.weights.zero_()
        self.intercepts.fill_(float(torch.logit(trojaned.double().mean())))
        for number in known:
            own, place = numbers == number, self._places()[number]
            theta = features[own.to(features.device), 1 : 1 + self.sizes[number]].cpu()
            aligner = self._aligners[number]
            differences = aligner.fit(theta, clean=~trojaned[own], rounds=self.config.rounds)
            weights, intercept = self._solved(differences, trojaned[own])
            self.references[place] = aligner.reference.to(self.references)
            self.weights[place] = weights.to(self.weights)
            self.intercepts[number] = intercept
        # Those of the saved model, to the last bit.
        self._aligners.clear()
        self.fitted.fill_(1)

    @torch.no_grad()
    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        """``(B, 1)``, in the order of the batch.  No gradient runs through it.

        Raises:
            GraphError: an architecture that the model was not made for.
            SymmetryError: a network cannot be aligned.
            ConfigurationError: the model was not fitted.
        """
        if not self.fitted.any():
            raise ConfigurationError("aligned: the model was not fitted; call fit with training networks")
        answers = [self._answers(self._number(architecture), theta) for architecture, theta in batch.parts]
        return torch.cat(answers).unsqueeze(1).to(batch.parts[0][1])

    def arguments(self) -> Mapping[str, Any]:
        return {
            "fingerprints": self.fingerprints,
            "sizes": self.sizes,
            "config": self.config,
            "logistic": self.logistic,
        }

    def _number(self, architecture: Architecture) -> int:
        """The index of an architecture; makes its aligner on first use."""
        if architecture.fingerprint not in self.fingerprints:
            raise GraphError(
                f"{architecture.describe()} is none of the {len(self.fingerprints)} architectures that the "
                "model was made for; make it for these networks"
            )
        number = self.fingerprints.index(architecture.fingerprint)
        if number not in self._aligners:
            matching = _MATCHINGS[self.config.symmetries]
            self._aligners[number] = ReferenceAligner(architecture, matching=matching)
        return number

    def _answers(self, number: int, theta: Tensor) -> Float[Tensor, "b"]:
        place, aligner = self._places()[number], self._aligners[number]
        weights, intercept = (one.double().cpu() for one in (self.weights[place], self.intercepts[number]))
        if not weights.any():
            return intercept.expand(len(theta))
        if not aligner.has_reference:
            aligner.refer_to(self.references[place])
        return aligner.differences(theta) @ weights + intercept

    def _places(self) -> Sequence[slice]:
        """The slice of each architecture in the feature vector."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for size, end in zip(self.sizes, ends, strict=True)]

    def _solved(
        self, differences: Float[Tensor, "n P"], trojaned: Bool[Tensor, "n"]
    ) -> tuple[Float[Tensor, "P"], float]:
        """Weights of differences that are not standardized, 0 where they were not selected."""
        mean, deviation = differences.mean(0), differences.std(0, correction=0)
        varies = deviation > 1e-12 * differences.abs().amax(0)
        rows = torch.where(varies, (differences - mean) / torch.where(varies, deviation, 1.0), 0.0)
        labels = trojaned.double() - trojaned.double().mean()
        correlations = (labels @ rows).abs()
        chosen = correlations.argsort(descending=True, stable=True)[: self.config.selected].sort().values
        _, coefficients, intercepts = solve_logistic(
            rows[:, chosen].numpy(), trojaned.numpy(), config=self.logistic
        )
        weights = torch.zeros_like(mean)
        weights[chosen] = torch.from_numpy(coefficients[0]) / torch.where(varies, deviation, 1.0)[chosen]
        return weights, float(intercepts[0]) - float(weights @ mean)
