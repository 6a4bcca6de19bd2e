"""Evidence for evaluating a repaired network, and the outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from scalegmn import __version__
from scalegmn.errors import ConfigurationError
from scalegmn.trojans.repair._scenes import LabeledImages
from scalegmn.trojans.triggers import Trigger

DEFAULT_DROP: Final = 0.02
CAVEAT: Final = (
    "A low attack success rate is no proof that a trojan is gone: it is measured with one trigger, the "
    "repair was made with other triggers, and a network may hold several. Keep the network under watch, "
    "or train a new one on data that you trust."
)


@final
@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence for evaluating a repaired network.

    Attributes:
        images: clean images before the networks' preprocessing, and their true classes.
        source: where they are from, in words.
        trigger: a trigger to try; none if it is not known, as usual.
        target: the class that the attacker wants; needed with a trigger.

    Raises:
        ConfigurationError: a trigger without a target.
    """

    images: LabeledImages
    source: str
    trigger: Trigger | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        if (self.trigger is None) != (self.target is None):
            raise ConfigurationError("a trigger and the attacker's class belong together; give both or none")


@final
@dataclass(frozen=True)
class Performance:
    """How well a network does.

    Attributes:
        c_acc: accuracy on clean images.
        asr: attack success rate; None without a trigger.
        ra: robust accuracy; None without a trigger.
    """

    c_acc: float
    asr: float | None
    ra: float | None


@final
@dataclass(frozen=True)
class LayerChange:
    """How far a repair moved a parameter.

    Attributes:
        name: of the parameter, in the file.
        relative: norm of the change over the norm of the parameter before; infinite where that was 0.
        largest: largest change of one number.
    """

    name: str
    relative: float
    largest: float


@final
@dataclass(frozen=True)
class SearchedClass:
    """What a search for triggers reaches; no attack success rate, since the attacker's trigger is not known.

    Attributes:
        answer: the class that is easiest to reach before the repair.
        before, after: fraction of drawn images of other classes that one searched change brings to it.
    """

    answer: int
    before: float
    after: float


@final
@dataclass(frozen=True, kw_only=True)
class RepairOutcome:
    """What became of a file.

    Attributes:
        file, sha256: what was read.
        output, output_sha256: what was written; None where nothing was.
        architecture: of the network, in words.
        notes: how the file was read, where there was a choice.
        changes: of every parameter, in the order of the architecture.
        images: where the images are from, and how many; None without images.
        before, after: performance; None without images.
        limit: the largest loss of accuracy that is accepted.
        model: the repairer: run folder, checksum of its weights, version of the library that trained it.
        searched: what a search for triggers reaches, where the repairer makes one.
        version: of this library.
    """

    file: str
    sha256: str
    output: str | None
    output_sha256: str | None
    architecture: str
    notes: tuple[str, ...]
    changes: tuple[LayerChange, ...]
    images: str | None
    before: Performance | None
    after: Performance | None
    limit: float
    model: Mapping[str, str]
    searched: SearchedClass | None = None
    version: str = __version__

    @property
    def accepted(self) -> bool:
        """Whether the accuracy fell by no more than the limit, as far as it was measured."""
        if self.before is None or self.after is None:
            return True
        return self.before.c_acc - self.after.c_acc <= self.limit

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {**dataclasses.asdict(self), "accepted": self.accepted, "caveat": CAVEAT}
