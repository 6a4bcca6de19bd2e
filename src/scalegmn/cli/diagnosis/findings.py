"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import final


@final
class Health(Enum):
    """How a thing is."""

    ok = "ok"
    absent = "absent"
    """It is not there, and much can be done without it."""
    wrong = "wrong"
    """Something that is needed does not work."""


@final
@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        state: how it is.
        told: what is known of it, in words.
    """

    name: str
    state: Health
    told: str

    def to_dict(self) -> dict[str, str]:
        """For a report in JSON."""
        return {"name": self.name, "state": self.state.value, "told": self.told}
