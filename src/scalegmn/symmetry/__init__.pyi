from ._action import Element, SymmetryAction
from ._canonical import canonicalize_scale, canonicalize_sine_phase
from ._function_change import function_change
from ._groups import Group, NonZeroScale, PositiveScale, Sign, SinePhase, Trivial, activation_group, group_of
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
