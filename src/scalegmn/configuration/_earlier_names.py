"""Names of fields in files of earlier versions, and what they are called now.

Files are read with both; whoever writes an earlier name on the command line is told the one of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_EARLIER: Final[Mapping[str, Mapping[str, str]]] = {
    # Until November 2026, before the first release.
    "ModelConfig": {"sign_symmetrise": "sign_symmetrization"},
    "FeaturesConfig": {"kind": "type"},
    "NFNConfig": {"kind": "variant"},
    "InrRecipe": {"initialisation": "initialization"},
    "Regression": {"centre": "center"},
    "Typicality": {"centre": "center"},
}
"""By class: the name that was written, and that of today."""


def earlier_names(owner: type | str) -> Mapping[str, str]:
    """Fields of a class, or of one called `owner`, that had other names: the earlier name, and today's."""
    classes = [owner] if isinstance(owner, str) else [base.__name__ for base in owner.__mro__]
    return {old: new for name in classes for old, new in _EARLIER.get(name, {}).items()}


def with_current_names(owner: type | str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a class as a file of any version has them, under their names of today."""
    current = dict(data)
    for old, new in earlier_names(owner).items():
        if old in current and new not in current:
            current[new] = current.pop(old)
    return current
