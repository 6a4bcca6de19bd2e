"""What a file says about its own architecture, beside the tensors.

Three entries are understood: ``architecture``, a fingerprint or the line of ``Architecture.describe``;
``architecture_json``, the whole description; and ``activation``, as text.  They come from strangers, so they
are data to be checked and nothing more.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar, final

from scalegmn.checkpoints import Checkpoint
from scalegmn.configuration import parse_json
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition._variants import RequestedActivations

FINGERPRINT: Final = "architecture"
DESCRIPTION: Final = "architecture_json"
ACTIVATION: Final = "activation"

V = TypeVar("V")

_LONGEST: Final = 2**20
_LARGEST: Final = 2**31
# Entries of a description, by what they hold.
_FRACTIONS: Final = ("value", "p")
_NUMBERS: Final = ("inputs", "outputs", "groups", "count", "source", "target", "channels")
_PAIRS: Final = ("kernel", "stride", "padding", "dilation", "size")
_TEXTS: Final = ("name", "kind", "type")


def architecture_entries(architecture: Architecture) -> dict[str, str]:
    """The entries to write beside the tensors, so that a file can be recognized wherever it goes."""
    text = json.dumps(architecture.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {FINGERPRINT: architecture.fingerprint, DESCRIPTION: text}


def restated(checkpoint: Checkpoint, before: Architecture, after: Architecture) -> Checkpoint:
    """A file that says of another architecture what it said of its own; all else stays."""
    if before == after:
        return checkpoint
    entries = architecture_entries(after)
    said = {before.fingerprint: after.fingerprint, before.describe(): after.describe()}

    def anew(name: object, value: V) -> V | str:
        if name == DESCRIPTION and isinstance(value, str):
            return entries[DESCRIPTION]
        return said.get(value, value) if name == FINGERPRINT and isinstance(value, str) else value

    return dataclasses.replace(
        checkpoint,
        extras={name: anew(name, value) for name, value in checkpoint.extras.items()},
        layout=tuple(
            dataclasses.replace(entry, value=anew(entry.path[-1], entry.value)) if entry.path else entry
            for entry in checkpoint.layout
        ),
    )


@final
@dataclass(frozen=True)
class StatedArchitecture:
    """What a file says.

    Attributes:
        fingerprint: of its architecture.
        line: another text about its architecture.
        architecture: its whole description.
        activation: of its hidden layers.
        activation_text: the same as it stands there.
        problem: why what it says cannot be used.
    """

    fingerprint: str | None = None
    line: str | None = None
    architecture: Architecture | None = None
    activation: RequestedActivations | None = None
    activation_text: str | None = None
    problem: str | None = None

    @classmethod
    def from_extras(cls, extras: Mapping[str, object]) -> StatedArchitecture:
        """Read the statement from the plain entries of a file."""
        text = extras.get(FINGERPRINT)
        text = text if isinstance(text, str) else None
        fingerprint = text if text is not None and re.fullmatch("[0-9a-f]{12}", text) else None
        described = extras.get(DESCRIPTION)
        architecture, problem = _described(described) if isinstance(described, str) else (None, None)
        if architecture is not None:
            if fingerprint not in (None, architecture.fingerprint):
                problem = (
                    f"the file's entries {FINGERPRINT!r} and {DESCRIPTION!r} describe two architectures; "
                    "save the file again with the entries of one"
                )
            fingerprint = architecture.fingerprint
        activation = extras.get(ACTIVATION)
        return cls(
            fingerprint=fingerprint,
            line=None if text is None or fingerprint == text else text,
            architecture=architecture,
            activation=_wanted(activation),
            activation_text=activation if isinstance(activation, str) else None,
            problem=problem,
        )


def _wanted(value: object) -> RequestedActivations | None:
    if not isinstance(value, str):
        return None
    try:
        return RequestedActivations.parse(value)
    except ConfigurationError:
        # Other programs keep other things under this name.
        return None


# Networks of one population say the same.
@lru_cache(maxsize=16)
def _described(text: str) -> tuple[Architecture | None, str | None]:
    """The architecture of a description, or what is wrong with it."""
    problem = f"the file's entry {DESCRIPTION!r} is no description of an architecture"
    if len(text) > _LONGEST:
        return None, f"{problem}: it has {len(text):,} characters, expected at most {_LONGEST:,}"
    try:
        data = parse_json(text)
        # Programs check all that they are made of by themselves.
        if not isinstance(data, dict) or not ("program" in data or _is_plain(data, "")):
            return None, f"{problem}: a number in it is of the wrong kind; leave the entry out"
        return Architecture.from_dict(data), None
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        return None, f"{problem} ({type(error).__name__}); leave the entry out"


def _is_plain(value: object, key: str) -> bool:
    """Whether numbers are of the kind that the layers need, which take any."""
    if isinstance(value, dict):
        return all(_is_plain(inner, str(name)) for name, inner in value.items())
    if isinstance(value, list):
        pair = key not in _PAIRS or (len(value) == 2 and all(isinstance(inner, int) for inner in value))
        return pair and key not in _NUMBERS and all(_is_plain(inner, key) for inner in value)
    if isinstance(value, bool):
        return key == "bias"
    if isinstance(value, int):
        least = 0 if key in ("padding", "source", "target", "count") else 1
        return key in (*_NUMBERS, *_PAIRS) and least <= value < _LARGEST
    if isinstance(value, float):
        return key in _FRACTIONS and abs(value) < _LARGEST
    return value is None or (isinstance(value, str) and key in _TEXTS)
