"""Networks evaluated by what they outputs for learned inputs: a baseline that never looks at weights.

Paper: Kahana, Horwitz, Shuval, Hoshen, "Deep Linear Probe Generators for Weight Space Learning", ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor

from scalegmn.configuration import Configuration, Count, Rate, Width, Widths
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext, Predictor
from scalegmn.models.baselines._mlp import make_mlp
from scalegmn.models.baselines._probe_generators import ImageProbes, VectorProbes
from scalegmn.networks import Architecture, Conv, Flatten, Size, run
from scalegmn.nn import Standardize, load_old_names
from scalegmn.shapes import NetworkVectors

# Networks at once where no gradient is wanted: maps of all networks and probes need memory.
_NETWORKS = 64


@dataclass(frozen=True, kw_only=True)
class ProbesConfig(Configuration):
    """Options of learned probes.

    Attributes:
        probes: inputs that every network is shown.
        image_size: height and width of these, for networks that read images; None for networks that read
            vectors, such as coordinates.
        latent: length of the code that a probe is made from.
        width: channels of the largest maps of the generator of images.
        hidden: widths of the hidden layers of the MLP that reads the predictions.
        dropout: rate behind every hidden layer.
        layer_norm: normalize every hidden layer.
    """

    probes: Width = 64
    image_size: tuple[Width, Width] | None = None
    latent: Width = 32
    width: Width = 8
    hidden: Widths = (128, 128, 128)
    dropout: Rate = 0.0
    layer_norm: bool = True


@final
class Probes(Predictor):
    """Predictions of networks to learned inputs, side by side, through an MLP with SiLU.

    The predictions are taken as they are (of classifiers, logits) up to one constant mean and size per output
    neuron.  Reads mixed architectures, as long as they read the same kind of input and have equally many
    outputs.

    Args:
        features: length of an input vector, or channels of an image.
        answers: numbers that a network outputs for one input.
        outputs: length of the output about a network.
        config: options.

    Law: invariant under every symmetry, because symmetries do not change what a network outputs.
    """

    name = "probes"
    sections = MappingProxyType({"probes": ProbesConfig})

    def __init__(self, *, features: Count, answers: Count, outputs: Count, config: ProbesConfig) -> None:
        super().__init__()
        self.features, self.answers, self.outputs, self.config = features, answers, outputs, config
        if config.image_size is None:
            self.generator: ImageProbes | VectorProbes = VectorProbes(
                probes=config.probes, latent=config.latent, features=features
            )
        else:
            self.generator = ImageProbes(
                probes=config.probes,
                latent=config.latent,
                width=config.width,
                channels=features,
                size=config.image_size,
            )
        self.standardize = Standardize(answers)
        self.mlp = make_mlp(
            inputs=config.probes * answers,
            hidden=config.hidden,
            outputs=outputs,
            dropout=config.dropout,
            layer_norm=config.layer_norm,
        )
        load_old_names(self)

    @classmethod
    def build(cls, context: ModelContext) -> Probes:
        config = context.options.of(ProbesConfig)
        return cls.from_architectures(context.architectures, outputs=context.outputs, config=config)

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, outputs: int, config: ProbesConfig
    ) -> Probes:
        """A new model that shows inputs to networks of these architectures.

        Raises:
            ConfigurationError: the networks do not read inputs of one kind, or have different numbers of
                outputs, or their inputs are not what ``image_size`` says.
        """
        kinds = {}
        for architecture in architectures:
            try:
                kinds[_input_and_answers(architecture, config.image_size)] = architecture
            except GraphError as error:
                raise ConfigurationError(f"probes: {error}") from error
        if len(kinds) != 1:
            raise ConfigurationError(
                "probes: all networks must read the same inputs and have equally many outputs; there are "
                + "; ".join(
                    f"{features} features or channels and {answers} outputs ({architecture.describe()})"
                    for (features, answers), architecture in kinds.items()
                )
            )
        ((features, answers),) = kinds
        return cls(features=features, answers=answers, outputs=outputs, config=config)

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        answers = self.standardize(self._ask(batch))
        answer: Tensor = self.mlp(answers.flatten(1))
        return answer

    @torch.no_grad()
    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and size of every output neuron, over training networks and the probes as they are."""
        self.standardize.fit(self._ask(batch, at_once=_NETWORKS))

    def arguments(self) -> Mapping[str, Any]:
        return {
            "features": self.features,
            "answers": self.answers,
            "outputs": self.outputs,
            "config": self.config,
        }

    def _ask(self, batch: NetworkBatch, *, at_once: int | None = None) -> Tensor:
        """Predictions of all networks to all probes, ``(B, probes, answers)``."""
        probes = self.generator()
        found = []
        for architecture, theta in batch.parts:
            read, answers = _input_and_answers(architecture, self.config.image_size)
            if (read, answers) != (self.features, self.answers):
                raise GraphError(
                    f"{architecture.describe()} reads {read} features or channels and has {answers} outputs; "
                    f"the probes were made for {self.features} and {self.answers}"
                )
            groups = theta.split(at_once or len(theta))
            found += [run(architecture, group, probes).flatten(2) for group in groups]
        return torch.cat(found)


@lru_cache(maxsize=1024)
def _input_and_answers(architecture: Architecture, size: Size | None) -> tuple[int, int]:
    """Features or channels that a network reads, and numbers that it outputs for one input.

    Raises:
        GraphError: it does not read inputs of this size.
    """
    layered = architecture.layered(reader="probes")
    flattens = any(isinstance(layer, Flatten) for layer in layered.leading)
    reads_images = flattens or isinstance(layered.stages[0].weighted, Conv)
    if reads_images != (size is not None):
        kind = "images" if reads_images else "vectors"
        raise GraphError(
            f"{architecture.describe()} reads {kind}, but image_size is {size}; expected "
            + ("the height and width of the images" if reads_images else "None")
        )
    features = architecture.num_inputs
    if flattens and size is not None:
        features //= size[0] * size[1]
    shape = (features,) if size is None else (features, *size)
    try:
        answer = run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, *shape))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise GraphError(
            f"{architecture.describe()} cannot read inputs of shape {shape}: {reason}; check image_size"
        ) from error
    return features, answer.numel()
