from ._base import Configuration, InvalidConfigurationError, from_plain
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
    "InvalidConfigurationError",
    "Limits",
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
from ._base import check_arguments as check_arguments
from ._base import concrete_configurations as concrete_configurations
from ._base import field_types as field_types
from ._earlier_names import earlier_names as earlier_names
from ._earlier_names import with_current_names as with_current_names
from ._formatting import format_value as format_value
from ._formatting import nearest as nearest
from ._formatting import similarity as similarity
from ._json_text import parse_json as parse_json
from ._json_text import read_json_file as read_json_file
from ._limits import Constraint as Constraint
from ._reconstructible import Reconstructible as Reconstructible
from ._values import RefusedValue as RefusedValue
from ._values import accept as accept
from ._values import describe_type as describe_type
