"""The fixed list: small networks of many families, written by hand or those of transformers."""

from __future__ import annotations

from dataclasses import replace

from ._derived import DERIVED
from ._entry import Entry, Example, Expected, randomize

__all__ = ["Entry", "Example", "Expected", "list_models", "randomize"]


def list_models() -> tuple[Entry, ...]:
    """Every network of the list; their names differ."""
    from . import (
        from_transformers,
        from_transformers_vision,
        hand_written_cnns,
        hand_written_fields,
        hand_written_mlps,
        hand_written_mobile_cnns,
        hand_written_signals,
        hand_written_transformers,
        hand_written_vision,
        recurrent,
    )

    subjects = (
        hand_written_mlps,
        hand_written_fields,
        hand_written_cnns,
        hand_written_mobile_cnns,
        hand_written_signals,
        hand_written_transformers,
        hand_written_vision,
        recurrent,
        from_transformers,
        from_transformers_vision,
    )
    entries = tuple(entry for subject in subjects for entry in subject.ENTRIES)
    return tuple(replace(entry, expected=DERIVED.get(entry.name)) for entry in entries)
