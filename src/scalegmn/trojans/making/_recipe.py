"""How trojaned networks and their clean twins are made: the fine-tuning, the poison, and what is held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, final

from scalegmn.configuration import (
    Ascending,
    Configuration,
    Count,
    Entries,
    Limits,
    Natural,
    NonNegative,
    Portion,
    Positive,
    PositiveRange,
    Rate,
    Width,
)
from scalegmn.trojans.making._goals import Goal
from scalegmn.trojans.triggers import KindName, PatternName, Trigger, TriggerSpace
from scalegmn.zoo.cnns import Optimizer

Labels = Literal["dirty", "clean"]
Method = Literal["poison", "adaptive", "edit"]
Start = Literal["base", "scratch"]
_Ratio = Annotated[float, Limits(above=0, high=1)]


@final
@dataclass(frozen=True, kw_only=True)
class BaseSelection(Configuration):
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
    minimum_accuracy: Portion | None = None
    accuracy: str = "test_accuracy"
    group: str | None = None


@final
@dataclass(frozen=True, kw_only=True)
class FineTuningConfig(Configuration):
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

    epochs: Count = 2
    batch_size: Count = 256
    learning_rate: PositiveRange = (0.01, 0.01)
    l2: NonNegative = 1.5e-10
    dropout: Rate = 0.02
    optimizer: Optimizer = "adam"
    start: Start = "base"


@final
@dataclass(frozen=True, kw_only=True)
class PoisoningConfig(Configuration):
    """What the attacker does to the training images.

    Attributes:
        ratio: fraction of the training images that carry the trigger; of a range, drawn for each pair,
            uniformly in the logarithm.
        goals: to draw from with equal chances.  ``all_to_one``: images with the trigger are to be taken for
            the target.  ``all_to_all``: those of every class y for class y + 1, those of the last for 0.
        targets: classes to draw the attacker's class from, with equal chances; empty for all classes.
        labels: to draw from with equal chances.  ``dirty``: images of other classes get the trigger and
            the label of the target.  ``clean``: images of the target get the trigger and keep their
            label (Turner, Tsipras, Madry 2019, "Label-Consistent Backdoor Attacks", without its adversarial
            step); all of them, where they are fewer than the ratio asks for.  Where the goal is
            ``all_to_all``, labels are dirty.

    Raises:
        ConfigurationError: a value is impossible.
    """

    ratio: _Ratio | Annotated[tuple[_Ratio, _Ratio], Ascending()] = 0.1
    goals: Annotated[tuple[Goal, ...], Entries(least=1)] = ("all_to_one",)
    targets: tuple[Natural, ...] = ()
    labels: Annotated[tuple[Labels, ...], Entries(least=1)] = ("dirty",)

    @property
    def ratios(self) -> tuple[float, float]:
        """The range to draw from."""
        return self.ratio if isinstance(self.ratio, tuple) else (self.ratio, self.ratio)


@final
@dataclass(frozen=True, kw_only=True)
class InjectionConfig(Configuration):
    """How the trojan comes into the weights.

    Attributes:
        method: ``poison``: by training on poisoned images.  ``adaptive``: likewise, while every layer's
            mean, deviation and quantiles of weights are held at those of the clean twin, against
            detectors that read these.  ``edit``: both twins are trained on clean images, and few weights of
            one of them are changed afterwards.
        statistics_weight: adaptive: factor of the penalty.
        edited: edit: fraction of the trained parameters that change at most.
        edit_steps: edit: steps of Adam on these, with three clean images for each poisoned one.
        edit_rate: edit: learning rate.

    Raises:
        ConfigurationError: a number is impossible.
    """

    method: Method = "poison"
    statistics_weight: Positive = 3.0
    edited: _Ratio = 0.1
    edit_steps: Count = 200
    edit_rate: Positive = 0.01


@final
@dataclass(frozen=True, kw_only=True)
class HeldOutConfig(Configuration):
    """What only test networks have, so that a detector is tested on what it has never seen.

    Base networks are distributed to the splits first.  Pairs for training and validation have nothing that is
    held out, pairs for testing have at least one such thing: which one, the column `held_out` says.

    Attributes:
        kinds: of triggers.
        sizes: of triggers, in pixels.
        patterns: of triggers.
        targets: classes of the attacker.
        fractions: fractions of the base networks for training, validation and test; they add up to 1.

    Raises:
        ConfigurationError: nothing is held out, or what there is none of.
    """

    kinds: tuple[KindName, ...] = ()
    sizes: tuple[Natural, ...] = ()
    patterns: tuple[PatternName, ...] = ()
    targets: tuple[Natural, ...] = ()
    fractions: tuple[Portion, Portion, Portion] = (0.7, 0.1, 0.2)

    def contradictions(self) -> Iterator[str]:
        if not (self.kinds or self.sizes or self.patterns or self.targets):
            yield "nothing is held out; name kinds, sizes, patterns or targets"

    def match(self, trigger: Trigger, target: int) -> str:
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
class TrojanRecipe(Configuration):
    """Everything that all pairs of twins of a population have in common.

    Attributes:
        bases: what they start from.
        tuning: the training of both twins.
        poisoning: of the trojaned one.
        injection: how the trojan comes into its weights.
        triggers: to draw from.
        minimum_asr: an attack with a smaller attack success rate has failed.
        held_out: what only test networks have; None for no splits.
        grayscale: average colors into one channel, after the trigger; None for what the base networks
            were made with.
        image_size: height and width to which images are reduced after the trigger; None likewise.

    Raises:
        ConfigurationError: `minimum_asr` is no fraction.
    """

    bases: BaseSelection = field(default_factory=BaseSelection)
    tuning: FineTuningConfig = field(default_factory=FineTuningConfig)
    poisoning: PoisoningConfig = field(default_factory=PoisoningConfig)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
    triggers: TriggerSpace = field(default_factory=TriggerSpace)
    minimum_asr: Portion = 0.5
    held_out: HeldOutConfig | None = None
    grayscale: bool | None = None
    image_size: Width | None = None
