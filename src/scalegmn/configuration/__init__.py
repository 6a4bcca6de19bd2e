"""Typed options that check themselves, and can be written and read back; see :class:`Configuration`."""

from scalegmn.configuration.base import (
    Configuration,
    MistakesError,
    checked_arguments,
    concrete_configurations,
    field_kinds,
    from_plain,
)
from scalegmn.configuration.json_text import parse_json, read_json_file
from scalegmn.configuration.limits import (
    Ascending,
    Count,
    Depth,
    Distinct,
    Entries,
    Fraction,
    Limits,
    Mark,
    Natural,
    NonNegative,
    Portion,
    Positive,
    PositiveRange,
    Rate,
    Width,
    Widths,
)
from scalegmn.configuration.plain import register_plain_form, to_plain
from scalegmn.configuration.rebuilt import Rebuilt
from scalegmn.configuration.shown import likeness, nearest, shown
from scalegmn.configuration.values import Refused, accepted, described

__all__ = [
    "Ascending",
    "Configuration",
    "Count",
    "Depth",
    "Distinct",
    "Entries",
    "Fraction",
    "Limits",
    "Mark",
    "MistakesError",
    "Natural",
    "NonNegative",
    "Portion",
    "Positive",
    "PositiveRange",
    "Rate",
    "Rebuilt",
    "Refused",
    "Width",
    "Widths",
    "accepted",
    "checked_arguments",
    "concrete_configurations",
    "described",
    "field_kinds",
    "from_plain",
    "likeness",
    "nearest",
    "parse_json",
    "read_json_file",
    "register_plain_form",
    "shown",
    "to_plain",
]
