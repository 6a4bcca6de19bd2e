"""Calls as programs write them: all arguments in order, and what leaves numbers as they are left out."""

from __future__ import annotations

from typing import Any, Final

from torch.fx import Node

from scalegmn.programs.operations import signature_of

IDENTITIES: Final = frozenset({"clone", "alias", "detach", "lift_fresh", "lift_fresh_copy", "contiguous"})
"""Operations that copy."""
_CASTS: Final = frozenset({"_to_copy", "convert_element_type"})


def normalized(node: Node) -> list[Any]:
    """Arguments in the order of the operator's signature, defaults filled in, keywords that matter last.

    A wish for a kind of real numbers is left out: a program computes in the kind of its parameters.
    """
    positional, keywords = signature_of(node.target)
    defaults = {expected.name: expected.default_value for expected in node.target._schema.arguments}  # type: ignore[union-attr]
    given = dict(zip(positional, node.args, strict=False)) | node.kwargs
    if "dtype" in given and _is_floating(node.args[0]) and _is_floating(node):
        given["dtype"] = None
    return [given.get(name, defaults[name]) for name in (*positional, *keywords)]


def is_cast_of_floats(node: Node) -> bool:
    """Whether a call only changes how precisely real numbers are held."""
    name = str(node.target).split(".")[1]
    return name in _CASTS and _is_floating(node.args[0]) and _is_floating(node)


def _is_floating(value: Any) -> bool:
    if not isinstance(value, Node):
        return False
    found = value.meta["val"]
    return bool((found[0] if isinstance(found, (list, tuple)) else found).is_floating_point())
