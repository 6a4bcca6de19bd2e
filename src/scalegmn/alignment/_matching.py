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
        fitting: steps of gradient descent in which scales are fitted to examples, where there are some, so
            that the network halfway answers as both do on average; 200 are enough, 0 leaves scales to the
            weights.
        answers: what networks answer: numbers, or logits of classes.
        seed: of the order in which channels are gone through, of random starts, and of the order of examples.
    """

    by: Literal["weights", "activations"] = "weights"
    permutations: bool = True
    scales: bool = True
    signs: bool = True
    phases: bool = True
    starts: Count = 2
    sweeps: Count = 50
    fitting: Natural = 0
    answers: Literal["numbers", "classes"] = "numbers"
    seed: Natural = 0
