"""What a check of symmetry found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scalegmn.networks import Architecture
from scalegmn.symmetry import Transformation
from scalegmn.testing.elements import Elements, TransformedNetworks
from scalegmn.testing.kinds import group_counts
from scalegmn.testing.samples import ModelLaw


@dataclass(frozen=True)
class SymmetryReport:
    """What was tested, how much of it, and the largest error.

    Attributes:
        law: what should hold.
        architectures: of the networks.
        asked: which symmetries were to be drawn.
        elements: how many symmetries were drawn that are not the identity, one for each network and draw.
        error: the largest change of an output, relative to the spread of outputs over different networks.
        tolerance: the largest error that was allowed.
        position: of the largest error: the network, its architecture, and the output or parameter.
        function_change: the largest change of what a network computes by its symmetry, relative and in
            float64; None where the networks could not be run.
        remark: symmetries of the networks that were not tested, and why; empty where there are none.
    """

    law: ModelLaw
    architectures: tuple[Architecture, ...]
    asked: Elements
    elements: int
    error: float
    tolerance: float
    position: str
    function_change: float | None
    remark: str

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance

    @cached_property
    def group(self) -> str:
        """The group that was drawn from, with the number of neurons that it moves, scales and flips."""
        return group_in_words(self.architectures, self.asked)

    def __str__(self) -> str:
        function = (
            "the networks could not be run, so that their functions stay was not seen"
            if self.function_change is None
            else f"the functions of the networks changed by {self.function_change:.1g}"
        )
        return (
            f"{self.law.value} {'holds' if self.holds else 'does not hold'}: relative error "
            f"{self.error:.3g}, tolerance {self.tolerance:.3g}, at {self.position}; drawn were "
            f"{self.elements} symmetries: "
            f"{self.group}; {function}" + (f"; {self.remark}" if self.remark else "")
        )


def drawn(pairs: Sequence[TransformedNetworks]) -> list[Transformation]:
    """All elements that change something."""
    return [element for pair in pairs for element in pair.elements if not element.is_identity]


def group_in_words(architectures: Sequence[Architecture], elements: Elements) -> str:
    """The group of some architectures, as far as it is asked for; empty if it is trivial."""
    counts: Counter[str] = Counter()
    for architecture in dict.fromkeys(architectures):
        # In the order of the first one, also what it has none of.
        for name, count in group_counts(architecture, elements).items():
            counts[name] += count
    return ", ".join(name.format(count) for name, count in counts.items() if count)
