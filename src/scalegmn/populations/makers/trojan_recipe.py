"""How trojaned networks and their clean twins are made: the fine-tuning, the poison, and what is held out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, final, get_args

from scalegmn.errors import ConfigurationError
from scalegmn.populations.makers.cnn_hyper import OPTIMIZERS, Optimizer
from scalegmn.populations.triggers.kinds import KINDS, KindName
from scalegmn.populations.triggers.patterns import PATTERNS, PatternName
from scalegmn.populations.triggers.space import TriggerSpace
from scalegmn.populations.triggers.trigger import Trigger

Labels = Literal["dirty", "clean"]
LABELS: Final[tuple[Labels, ...]] = get_args(Labels)
Start = Literal["base", "scratch"]
STARTS: Final[tuple[Start, ...]] = get_args(Start)


@final
@dataclass(frozen=True, kw_only=True)
class Bases:
    """Which networks of a population are taken as a start.

    Attributes:
        where: by the name of a column, a value or a list of values that networks must have.
        minimum_accuracy: that the column `accuracy` must reach; None for no such demand.
        accuracy: name of that column.
        group: column of what must not cross splits, such as a training run with its checkpoints; by
            default ``network`` or ``run``, and where the population has neither, every network stands
            alone.
    """

    where: Mapping[str, Any] = field(default_factory=dict)
    minimum_accuracy: float | None = None
    accuracy: str = "test_accuracy"
    group: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """The training that both twins get.  The defaults are those of the first trojan study with ScaleGMN.

    Attributes:
        epochs: 1 or more.
        batch_size: images per step.
        learning_rate: range, drawn uniformly in the logarithm, once for both twins.
        l2: factor l in the loss ``cross-entropy + l * (sum of squares of all weights without biases)``;
            half the "weight decay" of PyTorch's optimizers.
        dropout: rate behind each hidden activation.
        optimizer: which.
        start: from the parameters of the base network, or from ``scratch``: from initial parameters that
            are drawn once for both twins, with the architecture of the base network (``he_normal``).

    Raises:
        ConfigurationError: a number is impossible.
    """

    epochs: int = 2
    batch_size: int = 256
    learning_rate: tuple[float, float] = (0.01, 0.01)
    l2: float = 1.5e-10
    dropout: float = 0.02
    optimizer: Optimizer = "adam"
    start: Start = "base"

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} is {value!r}, expected 1 or more"
            for name, value in (("epochs", self.epochs), ("batch_size", self.batch_size))
            if value < 1
        ]
        if not 0 < self.learning_rate[0] <= self.learning_rate[1] < math.inf:
            mistakes.append(f"learning_rate is {self.learning_rate!r}, expected a range (low, high) above 0")
        if not 0 <= self.l2 < math.inf:
            mistakes.append(f"l2 is {self.l2!r}, expected 0 or more")
        if not 0 <= self.dropout < 1:
            mistakes.append(f"dropout is {self.dropout!r}, expected 0 to below 1")
        if self.optimizer not in OPTIMIZERS or self.start not in STARTS:
            mistakes.append(
                f"optimizer is {self.optimizer!r} and start is {self.start!r}, expected one of {OPTIMIZERS} "
                f"and one of {STARTS}"
            )
        if mistakes:
            raise ConfigurationError("the fine-tuning is wrong: " + "; ".join(mistakes))


@final
@dataclass(frozen=True, kw_only=True)
class Poisoning:
    """What the attacker does to the training images.

    Attributes:
        ratio: share of the training images that carry the trigger.
        targets: classes to draw the attacker's class from, with equal chances; empty for all classes.
        labels: to draw from with equal chances.  ``dirty``: images of other classes get the trigger and
            the label of the target.  ``clean``: images of the target get the trigger and keep their
            label (Turner, Tsipras, Madry 2019, "Label-Consistent Backdoor Attacks", without its adversarial
            step); all of them, where they are fewer than the ratio asks for.

    Raises:
        ConfigurationError: a value is impossible.
    """

    ratio: float = 0.1
    targets: tuple[int, ...] = ()
    labels: tuple[Labels, ...] = ("dirty",)

    def __post_init__(self) -> None:
        if not 0 < self.ratio <= 1:
            raise ConfigurationError(f"the poison ratio is {self.ratio!r}, expected a share above 0 up to 1")
        if not self.labels or not set(self.labels) <= set(LABELS):
            raise ConfigurationError(f"labels are {self.labels!r}, expected some of {', '.join(LABELS)}")
        if any(target < 0 for target in self.targets):
            raise ConfigurationError(f"targets are {self.targets!r}, expected classes, numbered from 0")


@final
@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What only test networks have, so that a detector is tested on what it has never seen.

    Base networks are dealt out to the splits first.  Pairs for training and validation have nothing that is
    held out, pairs for testing have at least one such thing: which one, the column `held_out` says.

    Attributes:
        kinds: of triggers.
        sizes: of triggers, in pixels.
        patterns: of triggers.
        targets: classes of the attacker.
        fractions: shares of the base networks for training, validation and test; they add up to 1.

    Raises:
        ConfigurationError: nothing is held out, or what there is none of.
    """

    kinds: tuple[KindName, ...] = ()
    sizes: tuple[int, ...] = ()
    patterns: tuple[PatternName, ...] = ()
    targets: tuple[int, ...] = ()
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2)

    def __post_init__(self) -> None:
        if not (self.kinds or self.sizes or self.patterns or self.targets):
            raise ConfigurationError("nothing is held out; name kinds, sizes, patterns or targets")
        if not set(self.kinds) <= set(KINDS) or not set(self.patterns) <= set(PATTERNS):
            raise ConfigurationError(
                f"held out are the kinds {self.kinds} and the patterns {self.patterns}; expected some of "
                f"{KINDS} and of {PATTERNS}"
            )

    def found(self, trigger: Trigger, target: int) -> str:
        """Which of the things that are held out this is, such as ``kind target``; empty if none."""
        things = {
            "kind": trigger.kind in self.kinds,
            "size": trigger.size in self.sizes,
            "pattern": trigger.pattern in self.patterns,
            "target": target in self.targets,
        }
        return " ".join(name for name, is_held in things.items() if is_held)


@final
@dataclass(frozen=True, kw_only=True)
class TrojanRecipe:
    """Everything that all pairs of twins of a population have in common.

    Attributes:
        bases: what they start from.
        tuning: the training of both twins.
        poisoning: of the trojaned one.
        triggers: to draw from.
        minimum_asr: an attack with a smaller attack success rate has failed.
        held_out: what only test networks have; None for no splits.
        grayscale: average colours into one channel, after the trigger; None for what the base networks
            were made with.
        image_size: height and width to which images are reduced after the trigger; None likewise.

    Raises:
        ConfigurationError: `minimum_asr` is no share.
    """

    bases: Bases = field(default_factory=Bases)
    tuning: FineTuning = field(default_factory=FineTuning)
    poisoning: Poisoning = field(default_factory=Poisoning)
    triggers: TriggerSpace = field(default_factory=TriggerSpace)
    minimum_asr: float = 0.5
    held_out: HeldOut | None = None
    grayscale: bool | None = None
    image_size: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.minimum_asr <= 1:
            raise ConfigurationError(f"minimum_asr is {self.minimum_asr!r}, expected a share from 0 to 1")

    def to_dict(self) -> dict[str, object]:
        """Plain data, for records."""
        return {**dataclasses.asdict(self), "triggers": self.triggers.to_dict()}
