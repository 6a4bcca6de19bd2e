"""How populations of small networks are made: their architectures, and what all trainings have in common."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from scalegmn.errors import ConfigurationError
from scalegmn.networks.activations import Activation
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.factories import cnn
from scalegmn.populations.makers.cnn_hyper import Hyper, HyperSpace
from scalegmn.populations.makers.wild import WildSpace, draw_architecture
from scalegmn.seeding import numpy_generator


class Family(ABC):
    """Says which architecture each network of a population has."""

    name: str

    @property
    @abstractmethod
    def unit(self) -> int:
        """Consecutive networks that may share an architecture and are never torn apart."""

    @abstractmethod
    def architecture(
        self, network: int, hyper: Hyper, *, seed: int, inputs: int, outputs: int
    ) -> Architecture:
        """The architecture of a network.

        Args:
            network: its number.
            hyper: its hyper-parameters.
            seed: of the population.
            inputs: channels of the images.
            outputs: classes.
        """

    @abstractmethod
    def columns(self, network: int, architecture: Architecture) -> Mapping[str, int | str]:
        """What the table says about the architecture of a network."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Plain data that tells families apart, for records."""


@final
@dataclass(frozen=True, kw_only=True)
class ZooFamily(Family):
    """One architecture but for the activation; the defaults are those of the Small CNN Zoo.

    Attributes:
        channels: outputs of the convolutions.
        kernel: their height and width.
        stride: of all convolutions.
        padding: 0 in the published networks; later copies of them were trained with 1.
    """

    channels: tuple[int, ...] = (16, 16, 16)
    kernel: int = 3
    stride: int = 2
    padding: int = 0
    name = "zoo"

    def __post_init__(self) -> None:
        if not self.channels or min(*self.channels, self.kernel, self.stride, self.padding + 1) < 1:
            raise ConfigurationError(
                f"channels are {self.channels!r}, kernel {self.kernel!r}, stride {self.stride!r} and padding "
                f"{self.padding!r}; expected one or more channels, all 1 or more, and a padding of 0 or more"
            )

    @property
    def unit(self) -> int:
        return 1

    def architecture(
        self, network: int, hyper: Hyper, *, seed: int, inputs: int, outputs: int
    ) -> Architecture:
        return cnn(
            channels=(inputs, *self.channels),
            classes=outputs,
            activations=[Activation(hyper.activation)] * len(self.channels),
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
        )

    def columns(self, network: int, architecture: Architecture) -> Mapping[str, int | str]:
        return {}

    def to_dict(self) -> dict[str, object]:
        return {"family": self.name, **dataclasses.asdict(self)}


@final
@dataclass(frozen=True, kw_only=True)
class MixedFamily(Family):
    """Random architectures in the manner of the CNN Wild Park, each with several networks.

    Attributes:
        space: of the architectures.
        networks_each: consecutive networks that share an architecture and differ in everything else.
    """

    space: WildSpace = field(default_factory=WildSpace)
    networks_each: int = 8
    name = "mixed"

    def __post_init__(self) -> None:
        if self.networks_each < 1:
            raise ConfigurationError(f"networks_each is {self.networks_each}, expected 1 or more")

    @property
    def unit(self) -> int:
        return self.networks_each

    def architecture(
        self, network: int, hyper: Hyper, *, seed: int, inputs: int, outputs: int
    ) -> Architecture:
        generator = numpy_generator(seed, "architecture", network // self.networks_each)
        return draw_architecture(generator=generator, space=self.space, inputs=inputs, outputs=outputs)

    def columns(self, network: int, architecture: Architecture) -> Mapping[str, int | str]:
        kinds = [stage.activate.activation.kind for stage in architecture.stages[:-1]]
        return {
            "architecture_number": network // self.networks_each,
            "depth": len(kinds),
            "activations": " ".join(kinds),
        }

    def to_dict(self) -> dict[str, object]:
        return {"family": self.name, **dataclasses.asdict(self)}


@final
@dataclass(frozen=True, kw_only=True)
class CnnRecipe:
    """What all networks of a population have in common.

    Attributes:
        family: of architectures.
        space: of the hyper-parameters.
        checkpoints: numbers of epochs after which a network is stored; 0 is its start.  Training ends with
            the last.
        batch_size: images per step.  The Small CNN Zoo has 512, of 60,000 images and 86 epochs; with a few
            thousand images and a few epochs, 32 leaves enough steps to learn.
        grayscale: average colours into one channel.
        image_size: height and width to which images are reduced; None to keep them.
    """

    family: Family = field(default_factory=ZooFamily)
    space: HyperSpace = field(default_factory=HyperSpace)
    checkpoints: tuple[int, ...] = (0, 1, 5)
    batch_size: int = 32
    grayscale: bool = True
    image_size: int | None = None

    def __post_init__(self) -> None:
        mistakes = []
        if not self.checkpoints or min(self.checkpoints) < 0:
            mistakes.append(
                f"checkpoints are {self.checkpoints!r}, expected numbers of epochs, each 0 or more"
            )
        if list(self.checkpoints) != sorted(set(self.checkpoints)):
            mistakes.append(f"checkpoints are {self.checkpoints!r}, expected in order, each once")
        if self.batch_size < 1:
            mistakes.append(f"batch_size is {self.batch_size!r}, expected 1 or more")
        if mistakes:
            raise ConfigurationError("the recipe of the networks is wrong: " + "; ".join(mistakes))

    def hyper(self, seed: int, network: int) -> Hyper:
        """Hyper-parameters of a network, which depend on nothing but the two numbers and the space."""
        return self.space.draw(numpy_generator(seed, "cnn", network))

    def to_dict(self) -> dict[str, object]:
        """Plain data, for records."""
        return {
            "family": self.family.to_dict(),
            "space": dataclasses.asdict(self.space),
            "checkpoints": list(self.checkpoints),
            "batch_size": self.batch_size,
            "grayscale": self.grayscale,
            "image_size": self.image_size,
        }
