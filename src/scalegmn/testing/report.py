"""What a check of symmetry found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from scalegmn.networks import Architecture
from scalegmn.symmetry import Element, SymmetryAction
from scalegmn.testing.elements import Elements, TransformedNetworks, draw_element, is_identity
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


def drawn(pairs: Sequence[TransformedNetworks]) -> list[Element]:
    """All elements that change something."""
    return [element for pair in pairs for element in pair.elements if not is_identity(element)]


def group_in_words(architectures: Sequence[Architecture], elements: Elements) -> str:
    """The group of some architectures, as far as it is asked for; empty if it is trivial."""
    counts = {"permutations of {} hidden neurons": 0, "positive scales of {}": 0, "signs of {}": 0}
    counts["phases of {}"] = 0
    for architecture in dict.fromkeys(architectures):
        action, generator = SymmetryAction(architecture), torch.Generator().manual_seed(0)
        # What a group does is seen by what its elements do; by chance, all of them would leave a neuron alone
        # in one of 2**60 cases.
        found = [draw_element(action, generator=generator, elements=elements) for _ in range(60)]
        scale = torch.stack([element.scale for element in found])
        moved = torch.stack([element.permutation for element in found]) != torch.arange(scale.shape[1])
        phase = torch.stack([element.phase for element in found]) != 0
        for name, touched in zip(counts, (moved, scale.abs() != 1, scale < 0, phase), strict=True):
            counts[name] += int(touched.any(dim=0).sum())
    return ", ".join(name.format(count) for name, count in counts.items() if count)
