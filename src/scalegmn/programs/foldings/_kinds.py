"""All kinds of foldings, by the name that files have for them."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Final

from scalegmn.configuration import RefusedValue, accept, describe_type
from scalegmn.errors import ProgramError
from scalegmn.programs import Folding

from ._deviation import Deviation
from ._fixed import FixedBuffer
from ._shift import ShiftedParameter
from ._spectral_norm import SpectrallyNormalized
from ._tied import Tied
from ._weight_norm import WeightNormalized

KINDS: Final[dict[str, type[Folding]]] = {
    "deviation": Deviation,
    "fixed": FixedBuffer,
    "shifted": ShiftedParameter,
    "spectral norm": SpectrallyNormalized,
    "tied": Tied,
    "weight norm": WeightNormalized,
}
"""Each is a dataclass whose fields files can hold."""


def kind_of_folding(folding: Folding) -> str:
    """The name of its kind in files.

    Raises:
        ProgramError: there is none.
    """
    for name, kind in KINDS.items():
        if type(folding) is kind:
            return name
    raise ProgramError(
        f"a folding of the class {type(folding).__name__} cannot be written, expected one of "
        f"{', '.join(KINDS)}"
    )


def folding_from_plain(data: object, place: str) -> Folding:
    """A folding from the entries of a file.

    Args:
        data: its kind, and the fields of that.
        place: in the file, for messages.

    Raises:
        ProgramError: there is no such folding.
    """
    kind = KINDS.get(str(data.get("kind"))) if isinstance(data, dict) else None
    if kind is None or not isinstance(data, dict):
        raise ProgramError(f"{place} of the program is no folding, expected a kind among {', '.join(KINDS)}")
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {field.name: hints[field.name] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if set(data) != {"kind", *fields}:
        raise ProgramError(
            f"{place} of the program has the entries {', '.join(map(str, data))}, expected kind, "
            f"{', '.join(fields)}"
        )
    found: dict[str, Any] = {}
    for name, hint in fields.items():
        try:
            found[name] = accept(hint, data[name])
        except RefusedValue as refusal:
            raise ProgramError(
                f"{place}.{name} of the program does not fit, expected {describe_type(hint)}"
            ) from refusal
    return kind(**found)
