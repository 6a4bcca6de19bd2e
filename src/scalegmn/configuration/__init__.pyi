from ._base import (
    Configuration,
    MistakesError,
    checked_arguments,
    concrete_configurations,
    field_kinds,
    from_plain,
)
from ._formatting import likeness, nearest, shown
from ._json_text import parse_json, read_json_file
from ._limits import (
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
from ._plain import register_plain_form, to_plain
from ._reconstructible import Rebuilt
from ._sections import Sections
from ._values import Refused, accepted, described

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
    "Sections",
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
