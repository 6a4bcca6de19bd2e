from ._action import Element, SymmetryAction, activation_group, function_change
from ._canonical import canonicalize_scale, canonicalize_sine_phase
from ._groups import Group, NonZeroScale, PositiveScale, Sign, SinePhase, Trivial, group_of
from ._laws import Law

__all__ = [
    "Element",
    "Group",
    "Law",
    "NonZeroScale",
    "PositiveScale",
    "Sign",
    "SinePhase",
    "SymmetryAction",
    "Trivial",
    "activation_group",
    "canonicalize_scale",
    "canonicalize_sine_phase",
    "function_change",
    "group_of",
]

# For other rooms of the house; no promise is made about these.
from ._groups import SCALE_BIT as SCALE_BIT
from ._groups import SIGN_BIT as SIGN_BIT
