"""Triggers that change the whole image by a rule of their own."""

from __future__ import annotations

from dataclasses import dataclass

from scalegmn.trojans.triggers._trigger import WHOLE, Trigger


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeImage(Trigger):
    """A trigger without a pattern: its kind and its numbers say everything."""

    @property
    def size(self) -> int:
        return WHOLE

    @property
    def pattern(self) -> str:
        return "none"
