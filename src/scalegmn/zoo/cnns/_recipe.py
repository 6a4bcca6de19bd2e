"""How populations of small networks are made: their architectures, and what all training runs have in
common.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, final

from scalegmn.configuration import Configuration, Count, Entries, Natural, Width, Widths, format_value
from scalegmn.networks import Activation, LayeredArchitecture, cnn
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns._hyperparameters import Hyperparameters, HyperSpace
from scalegmn.zoo.cnns._wild import WildSpace, draw_architecture


class Family(Configuration, ABC):
    """Says which architecture each network of a population has."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def unit(self) -> int:
        """Consecutive networks that may share an architecture and are never torn apart."""

    @abstractmethod
    def architecture(
        self, network: int, hyper: Hyperparameters, *, seed: int, inputs: int, outputs: int
    ) -> LayeredArchitecture:
        """The architecture of a network.

        Args:
            network: its number.
            hyper: its hyper-parameters.
            seed: of the population.
            inputs: channels of the images.
            outputs: classes.
        """

    @abstractmethod
    def columns(self, network: int, architecture: LayeredArchitecture) -> Mapping[str, int | str]:
        """What the table says about the architecture of a network."""

    def to_plain(self) -> dict[str, Any]:
        """Plain data that tells families apart, for records."""
        return {"family": self.name, **super().to_plain()}


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

    channels: Widths = (16, 16, 16)
    kernel: Width = 3
    stride: Width = 2
    padding: Natural = 0
    name = "zoo"

    @property
    def unit(self) -> int:
        return 1

    def architecture(
        self, network: int, hyper: Hyperparameters, *, seed: int, inputs: int, outputs: int
    ) -> LayeredArchitecture:
        return cnn(
            channels=(inputs, *self.channels),
            classes=outputs,
            activations=[Activation(hyper.activation)] * len(self.channels),
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
        )

    def columns(self, network: int, architecture: LayeredArchitecture) -> Mapping[str, int | str]:
        return {}


@final
@dataclass(frozen=True, kw_only=True)
class MixedFamily(Family):
    """Random architectures in the manner of the CNN Wild Park, each with several networks.

    Attributes:
        space: of the architectures.
        networks_each: consecutive networks that share an architecture and differ in everything else.
    """

    space: WildSpace = field(default_factory=WildSpace)
    networks_each: Count = 8
    name = "mixed"

    @property
    def unit(self) -> int:
        return self.networks_each

    def architecture(
        self, network: int, hyper: Hyperparameters, *, seed: int, inputs: int, outputs: int
    ) -> LayeredArchitecture:
        generator = numpy_generator(seed, "architecture", network // self.networks_each)
        return draw_architecture(generator=generator, space=self.space, inputs=inputs, outputs=outputs)

    def columns(self, network: int, architecture: LayeredArchitecture) -> Mapping[str, int | str]:
        kinds = [stage.activate.activation.kind for stage in architecture.stages[:-1]]
        return {
            "architecture_number": network // self.networks_each,
            "depth": len(kinds),
            "activations": " ".join(kinds),
        }


@final
@dataclass(frozen=True, kw_only=True)
class CnnRecipe(Configuration):
    """What all networks of a population have in common.

    Attributes:
        family: of architectures.
        space: of the hyper-parameters.
        checkpoints: epochs after which a network is stored; 0 is its start.  Training ends with
            the last.
        batch_size: images per step.  The Small CNN Zoo has 512, of 60,000 images and 86 epochs; with a few
            thousand images and a few epochs, 32 leaves enough steps to learn.
        grayscale: average colors into one channel.
        image_size: height and width to which images are reduced; None to keep them.
    """

    family: Family = field(default_factory=ZooFamily)
    space: HyperSpace = field(default_factory=HyperSpace)
    checkpoints: Annotated[tuple[Natural, ...], Entries(least=1)] = (0, 1, 5)
    batch_size: Count = 32
    grayscale: bool = True
    image_size: Width | None = None

    def contradictions(self) -> Iterator[str]:
        if list(self.checkpoints) != sorted(set(self.checkpoints)):
            yield f"checkpoints are {format_value(self.checkpoints)}, expected in order, each once"

    def hyper(self, seed: int, network: int) -> Hyperparameters:
        """Hyper-parameters of a network, which depend on nothing but the two numbers and the space."""
        return self.space.draw(numpy_generator(seed, "cnn", network))
