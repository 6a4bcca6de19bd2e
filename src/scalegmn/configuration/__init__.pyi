from ._base import Configuration, MistakesError, from_plain
from ._limits import (
    Ascending,
    Count,
    Depth,
    Distinct,
    Entries,
    Fraction,
    Limits,
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
from ._sections import Sections

__all__ = [
    "Ascending",
    "Configuration",
    "Count",
    "Depth",
    "Distinct",
    "Entries",
    "Fraction",
    "Limits",
    "MistakesError",
    "Natural",
    "NonNegative",
    "Portion",
    "Positive",
    "PositiveRange",
    "Rate",
    "Sections",
    "Width",
    "Widths",
    "from_plain",
    "register_plain_form",
    "to_plain",
]

# For other rooms of the house; no promise is made about these.
from ._base import checked_arguments as checked_arguments
from ._base import concrete_configurations as concrete_configurations
from ._base import field_kinds as field_kinds
from ._formatting import likeness as likeness
from ._formatting import nearest as nearest
from ._formatting import shown as shown
from ._json_text import parse_json as parse_json
from ._json_text import read_json_file as read_json_file
from ._limits import Mark as Mark
from ._reconstructible import Rebuilt as Rebuilt
from ._values import Refused as Refused
from ._values import accepted as accepted
from ._values import described as described
