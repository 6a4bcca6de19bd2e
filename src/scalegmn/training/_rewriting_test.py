"""How predictions about networks are tried on networks that were written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, final

from scalegmn.alignment.rewriting import REWRITINGS, Rewriting, kinds_for
from scalegmn.configuration import Configuration, Limits
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture

ALL: Final = "all"
"""The name of all kinds that keep the function, one after another."""


@final
@dataclass(frozen=True, kw_only=True)
class RewritingTest(Configuration):
    """How predictions about networks are tried on networks that were written anew.

    Attributes:
        names: kinds of rewritings, each tried by itself, and ``all`` for all that keep the function one after
            another; left out, these, as far as all networks admit them.
        draws: how often every network is written anew by each.
        rewriting: how far; its kinds are not looked at.
        reduced: whether networks with more neurons are also tried after they were reduced again.
    """

    names: tuple[str, ...] | None = None
    draws: Annotated[int, Limits(low=1, high=1000)] = 3
    rewriting: Rewriting = field(default_factory=Rewriting)
    reduced: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.names or ():
            if name != ALL and name not in REWRITINGS:
                raise ConfigurationError(
                    f"kind of rewriting is {name!r}, expected {ALL}, or {REWRITINGS.expected(name)}"
                )

    def kinds(self, architectures: Sequence[Architecture]) -> dict[str, tuple[str, ...] | None]:
        """What is tried, by name: kinds that are done in this order; None for all of an architecture's own.

        Args:
            architectures: of the networks, one at least.

        Raises:
            ArchitectureError: one does not admit a kind that was asked for.
        """
        if self.names is None:
            admitted = [kinds_for(one, Rewriting()) for one in architectures]
            common = [name for name in admitted[0] if all(name in kinds for kinds in admitted)]
            several = max(map(len, admitted)) > 1
            return {**{name: (name,) for name in common}, **({ALL: None} if several else {})}
        found: dict[str, tuple[str, ...] | None] = {}
        for name in self.names:
            found[name] = None if name == ALL else (name,)
            for architecture in architectures:
                kinds_for(architecture, Rewriting(kinds=found[name]))
        return found
