"""How one network is matched to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from scalegmn.configuration import Configuration, Count, Natural


@final
@dataclass(frozen=True, kw_only=True)
class Matching(Configuration):
    """How one network is matched to another.

    Attributes:
        by: channels are matched by their weights, or by what they answer to examples.
        permutations, scales, signs, phases: which parts of the symmetry group may be used.
        starts: the first is the match of invariant signatures, the second the network as it is, and all
            others are random.
        sweeps: how often all families of channels are gone through, at most.
        seed: of the order in which they are gone through, and of random starts.
    """

    by: Literal["weights", "activations"] = "weights"
    permutations: bool = True
    scales: bool = True
    signs: bool = True
    phases: bool = True
    starts: Count = 2
    sweeps: Count = 50
    seed: Natural = 0
