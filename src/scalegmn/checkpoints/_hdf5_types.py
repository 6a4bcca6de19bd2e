"""Which types of HDF5 are numbers, and how torch calls them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from scalegmn.checkpoints._hdf5_attributes import texts_of
from scalegmn.errors import CheckpointError

_BFLOAT16: Final = "bfloat16"
# Truth values, as h5py writes them.
_TRUTH: Final = ("FALSE", "TRUE")


def number_type(array: Any, where: str) -> tuple[str | None, str, str | None]:
    """Type of the numbers of an open array, their order of bytes, and what the file itself calls the type.

    The type is None where there are texts of a fixed length, which are no numbers.

    Raises:
        CheckpointError: they are neither numbers nor such texts; names what they are.
    """
    from h5py import h5t

    kind = array.get_type()
    family = kind.get_class()
    if family in (h5t.FLOAT, h5t.INTEGER):
        for name, order, known in _numbers():
            if kind.equal(known):
                return name, order, None
        raise CheckpointError(
            f"{where} holds numbers of {kind.get_size()} bytes in a form that no common program has; "
            "expected float16, float32 or float64; convert it"
        )
    if family == h5t.STRING and not kind.is_variable_str():
        return None, "<", None
    if family == h5t.ENUM and _is_truth(kind):
        return "bool", "<", None
    if family == h5t.OPAQUE and kind.get_size() == 2 and texts_of(array, "dtype") == (_BFLOAT16,):
        return _BFLOAT16, "<", _BFLOAT16  # as Keras writes what HDF5 has no name for
    raise CheckpointError(
        f"{where} holds {_named(family, kind)}; expected numbers; save each array of numbers under a name of "
        "its own"
    )


@cache
def _numbers() -> tuple[tuple[str, str, Any], ...]:
    from h5py import h5t

    found: list[tuple[str, str, Any]] = []
    for order, mark in (("<", "LE"), (">", "BE")):
        for bits in (16, 32, 64):
            found.append((f"float{bits}", order, getattr(h5t, f"IEEE_F{bits}{mark}")))
        for bits in (8, 16, 32, 64):
            found.append((f"int{bits}", order, getattr(h5t, f"STD_I{bits}{mark}")))
            found.append((f"uint{bits}", order, getattr(h5t, f"STD_U{bits}{mark}")))
    return tuple(found)


def _is_truth(kind: Any) -> bool:
    if kind.get_nmembers() != len(_TRUTH) or kind.get_size() != 1:
        return False
    members = {kind.get_member_value(number): kind.get_member_name(number) for number in range(len(_TRUTH))}
    return members == {number: name.encode() for number, name in enumerate(_TRUTH)}


def _named(family: int, kind: Any) -> str:
    from h5py import h5t

    if family == h5t.STRING:
        return "texts of any length (a variable-length type)"
    names = {
        h5t.COMPOUND: "records of several fields (a compound type)",
        h5t.VLEN: "lists of any length (a variable-length type)",
        h5t.REFERENCE: "references to other objects (a reference type)",
        h5t.OPAQUE: "bytes without meaning (an opaque type)",
        h5t.ENUM: "values of an enumeration",
        h5t.ARRAY: "arrays in arrays (an array type)",
        h5t.BITFIELD: "fields of bits",
        h5t.TIME: "times",
    }
    return names.get(family, f"something of the class {family}, which is not known")
