"""How networks are written anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

from scalegmn.configuration import Configuration, Count, Limits, Natural, Portion
from scalegmn.registry import Registered

from ._kind import REWRITINGS


@final
@dataclass(frozen=True, kw_only=True)
class Rewriting(Configuration):
    """How networks are written anew.

    Attributes:
        kinds: names in :data:`REWRITINGS`, done in this order; left out, all that keep the function and that
            an architecture admits.
        neurons: how many neurons of every hidden layer are added, split, or added as pairs; left out, a
            fraction.
        fraction: of the neurons of a hidden layer, at least one.
        spread: free scales are log-uniform in ``[1 / spread, spread]``.
        seed: of everything that is drawn, where no generator is given.

    Example:
        >>> from scalegmn.alignment.rewriting import Rewriting
        >>> Rewriting(kinds=("split", "group"), neurons=3).count(64)
        3
        >>> Rewriting().count(64)
        16
    """

    kinds: tuple[Annotated[str, Registered(REWRITINGS)], ...] | None = None
    neurons: Count | None = None
    fraction: Portion = 0.25
    spread: Annotated[float | int, Limits(low=1, high=1e6)] = 100.0
    seed: Natural = 0

    def count(self, width: int) -> int:
        """How many neurons of a layer of `width` are concerned."""
        return max(1, round(self.fraction * width)) if self.neurons is None else self.neurons
