"""Reading descriptions of triggers of any kind."""

from __future__ import annotations

from collections.abc import Mapping

from scalegmn.configuration import parse_json
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._fields import Fields, format_entry
from scalegmn.trojans.triggers._trigger import TRIGGERS, Trigger


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
    family = TRIGGERS.get(kind)
    fields = Fields(kind, {str(name): value for name, value in data.items() if name != "kind"})
    trigger = family.trigger.from_fields(fields)
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
