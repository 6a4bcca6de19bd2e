"""Networks evaluated by what they outputs for learned inputs: a baseline that never looks at weights.

Paper: Kahana, Horwitz, Shuval, Hoshen, "Deep Linear Probe Generators for Weight Space Learning", ICLR 2025.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Configuration, Count, Limits, Natural, Rate, Width, Widths
from scalegmn.errors import ArchitectureError, ConfigurationError, GraphError, ProgramError
from scalegmn.graph import NetworkBatch
from scalegmn.models import ModelContext, Predictor
from scalegmn.models.baselines._hidden_answers import HiddenAnswers
from scalegmn.models.baselines._mlp import make_mlp
from scalegmn.models.baselines._probe_generators import ImageProbes, VectorProbes
from scalegmn.networks import Architecture, Size, run
from scalegmn.nn import Standardize, load_old_names
from scalegmn.shapes import NetworkVectors

# Networks at once where no gradient is wanted: maps of all networks and probes need memory.
_NETWORKS = 64
_READER = "a probe of hidden layers"


@dataclass(frozen=True, kw_only=True)
class ProbesConfig(Configuration):
    """Options of learned probes.

    Attributes:
        probes: inputs that every network is shown.
        image_size: height and width of these, for networks that read images; None for networks that read
            vectors, such as coordinates, and for traced ones, which say it themselves.
        latent: length of the code that a probe is made from.
        width: channels of the largest maps of the generator of images.
        hidden: widths of the hidden layers of the MLP that reads the predictions.
        dropout: rate behind every hidden layer.
        layer_norm: normalize every hidden layer.
        directions: numbers that are also read of every hidden layer of the networks
            (:class:`~scalegmn.models.baselines._hidden_answers.HiddenAnswers`); 0 for none.
    """

    probes: Width = 64
    image_size: tuple[Width, Width] | None = None
    latent: Width = 32
    width: Width = 8
    hidden: Widths = (128, 128, 128)
    dropout: Rate = 0.0
    layer_norm: bool = True
    directions: Annotated[int, Limits(low=0, high=2**16)] = 0


@final
class Probes(Predictor):
    """Predictions of networks to learned inputs, side by side, through an MLP with SiLU.

    The predictions are taken as they are (of classifiers, logits) up to one constant mean and size per output
    neuron.  Reads mixed architectures, as long as they read the same kind of input and have equally many
    outputs.

    Args:
        features: length of an input vector, channels of an image, or numbers of another input.
        answers: numbers that a network outputs for one input.
        outputs: length of the output about a network.
        config: options.
        shape: of an input that is neither a vector nor an image.
        layers: most hidden layers of a network, where ``directions`` are asked for.

    Law: invariant under every symmetry, because symmetries do not change what a network outputs; what is read
    of hidden layers is made so that they do not change it either.
    """

    name = "probes"
    sections = MappingProxyType({"probes": ProbesConfig})

    def __init__(
        self,
        *,
        features: Count,
        answers: Count,
        outputs: Count,
        config: ProbesConfig,
        shape: tuple[Count, ...] | None = None,
        layers: Natural = 0,
    ) -> None:
        super().__init__()
        self.features, self.answers, self.outputs, self.config = features, answers, outputs, config
        self.shape, self.layers = shape, layers
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
        self.of_hidden = (
            HiddenAnswers(probes=config.probes, directions=config.directions, layers=layers)
            if config.directions
            else None
        )
        self.mlp = make_mlp(
            inputs=config.probes * answers + config.directions * layers,
            hidden=config.hidden,
            outputs=outputs,
            dropout=config.dropout,
            layer_norm=config.layer_norm,
        )
        self._start_from_answers()
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
                kinds[_shape_and_answers(architecture, config.image_size)] = architecture
            except GraphError as error:
                raise ConfigurationError(f"probes: {error}") from error
        if len(kinds) != 1:
            raise ConfigurationError(
                "probes: all networks must read the same inputs and have equally many outputs; there are "
                + "; ".join(
                    f"inputs of shape {shape} and {answers} outputs ({architecture.describe()})"
                    for (shape, answers), architecture in kinds.items()
                )
            )
        ((shape, answers),) = kinds
        layers = _most_hidden_layers(architectures) if config.directions else 0
        if len(shape) == 3:
            config = dataclasses.replace(config, image_size=shape[1:])
            return cls(features=shape[0], answers=answers, outputs=outputs, config=config, layers=layers)
        return cls(
            features=math.prod(shape),
            answers=answers,
            outputs=outputs,
            config=config,
            shape=None if len(shape) == 1 else shape,
            layers=layers,
        )

    def predict(self, batch: NetworkBatch) -> NetworkVectors:
        asked = self._ask(batch)
        read = self.standardize(asked.answers).flatten(1)
        if self.of_hidden is not None:
            read = torch.cat([read, self.of_hidden.standardize(asked.hidden)], dim=1)
        answer: Tensor = self.mlp(read)
        return answer

    @torch.no_grad()
    def _start_from_answers(self) -> None:
        """Let the MLP start as one that reads no hidden layers, so that they count as far as they help."""
        first = next(module for module in self.mlp.modules() if isinstance(module, nn.Linear))
        first.weight[:, self.config.probes * self.answers :] = 0

    @property
    def any_width(self) -> bool:
        # Hidden neurons count one by one.
        return self.of_hidden is None

    @torch.no_grad()
    def fit_scale(self, batch: NetworkBatch) -> None:
        """Take mean and size of every output neuron, over training networks and the probes as they are.

        And those of all that is read of hidden layers.
        """
        asked = self._ask(batch, at_once=_NETWORKS)
        self.standardize.fit(asked.answers)
        if self.of_hidden is not None:
            self.of_hidden.standardize.fit(asked.hidden)

    def arguments(self) -> Mapping[str, Any]:
        return {
            "features": self.features,
            "answers": self.answers,
            "outputs": self.outputs,
            "config": self.config,
            **({} if self.shape is None else {"shape": self.shape}),
            **({"layers": self.layers} if self.layers else {}),
        }

    @property
    def _asked_shape(self) -> tuple[int, ...]:
        return self.shape or (self.features, *(self.config.image_size or ()))

    def _ask(self, batch: NetworkBatch, *, at_once: int | None = None) -> _Asked:
        """What all networks do with all probes."""
        shape, found = self._asked_shape, []
        probes = self.generator().reshape(-1, *shape)
        for architecture, theta in batch.parts:
            read, answers = _shape_and_answers(architecture, self.config.image_size)
            if (read, answers) != (shape, self.answers):
                raise GraphError(
                    f"{architecture.describe()} reads inputs of shape {read} and has {answers} outputs; "
                    f"the probes were made for {shape} and {self.answers}"
                )
            groups = theta.split(at_once or len(theta))
            found += [self._ask_some(architecture, group, probes) for group in groups]
        answers_of_all, hidden = zip(*found, strict=True)
        return _Asked(torch.cat(answers_of_all), torch.cat(hidden))

    def _ask_some(self, architecture: Architecture, theta: Tensor, probes: Tensor) -> tuple[Tensor, Tensor]:
        if self.of_hidden is None:
            return run(architecture, theta, probes).flatten(2), theta.new_zeros(len(theta), 0)
        layered = architecture.layered(reader=_READER)
        self.of_hidden.check(layered)
        stages = layered.run_stages(theta, probes)
        return stages[-1].flatten(2), self.of_hidden(stages)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What networks do with probes.

    Attributes:
        answers: predictions, ``(B, probes, answers)``.
        hidden: what is read of hidden layers, ``(B, numbers)``.
    """

    answers: Tensor
    hidden: Tensor


def _most_hidden_layers(architectures: Sequence[Architecture]) -> int:
    """The largest number of hidden layers of any network; all must have readable ones.

    Raises:
        ConfigurationError: some are no lists of layers, or none has a hidden layer.
    """
    try:
        most = max(len(architecture.layered(reader=_READER).stages) - 1 for architecture in architectures)
    except ArchitectureError as error:
        raise ConfigurationError(f"probes.directions: {error}; or leave them at 0") from error
    if not most:
        raise ConfigurationError(
            "probes.directions: no network has a hidden layer to read, expected at least one; leave them at 0"
        )
    return most


@lru_cache(maxsize=1024)
def _shape_and_answers(architecture: Architecture, size: Size | None) -> tuple[tuple[int, ...], int]:
    """Shape of an input that a network reads, and numbers that it outputs for one.

    Raises:
        GraphError: it does not read inputs of this size.
    """
    try:
        shape = architecture.example_shape(size)
    except ArchitectureError as error:
        raise GraphError(str(error)) from error
    try:
        answer = run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, *shape))
    except (RuntimeError, ArchitectureError, ProgramError) as error:
        reason = str(error).splitlines()[0]
        raise GraphError(
            f"{architecture.describe()} cannot read inputs of shape {shape}: {reason}; check image_size"
        ) from error
    return shape, answer.numel()
