"""The kinds of triggers by their names, and reading descriptions of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from scalegmn.configuration import parse_json
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._blend import WholeBlend
from scalegmn.trojans.triggers._blended_square import BlendedSquare
from scalegmn.trojans.triggers._channel_shift import ChannelShift
from scalegmn.trojans.triggers._fields import Fields, format_entry
from scalegmn.trojans.triggers._patch import Patch
from scalegmn.trojans.triggers._sinusoid import Sinusoid
from scalegmn.trojans.triggers._trigger import Trigger
from scalegmn.trojans.triggers._warp import Warp

KindName = Literal["blended_square", "patch", "whole_blend", "sinusoid", "channel_shift", "warp"]
KINDS: Final[tuple[KindName, ...]] = get_args(KindName)

_READERS: Final[Mapping[str, Callable[[Fields], Trigger]]] = MappingProxyType(
    {
        BlendedSquare.kind: BlendedSquare.from_fields,
        Patch.kind: Patch.from_fields,
        WholeBlend.kind: WholeBlend.from_fields,
        Sinusoid.kind: Sinusoid.from_fields,
        ChannelShift.kind: ChannelShift.from_fields,
        Warp.kind: Warp.from_fields,
    }
)


def trigger_from_dict(data: object) -> Trigger:
    """The trigger that :meth:`Trigger.to_dict` described.

    Raises:
        TriggerError: an unknown kind, or entries that are missing, unknown or impossible.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise TriggerError(
            f"a description of a trigger is {format_entry(data)}, expected entries, 'kind' among them"
        )
    kind = data["kind"]
    if kind not in _READERS:
        raise TriggerError(
            f"unknown kind of trigger {format_entry(kind)}, expected one of {', '.join(_READERS)}"
        )
    fields = Fields(kind, {str(name): value for name, value in data.items() if name != "kind"})
    trigger = _READERS[kind](fields)
    fields.check_all_used()
    return trigger


def trigger_from_json(text: str) -> Trigger:
    """The trigger that :meth:`Trigger.to_json` described; text is parsed and never evaluated.

    Raises:
        TriggerError: no JSON, or no description of a trigger.
    """
    if not isinstance(text, str):
        raise TriggerError(f"a description of a trigger is a {type(text).__name__}, expected text in JSON")
    try:
        data = parse_json(text)
    except ValueError as error:
        raise TriggerError(f"a description of a trigger is no JSON: {text!r:.60}: {error}") from error
    return trigger_from_dict(data)
