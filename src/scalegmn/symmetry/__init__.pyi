from ._action import Element, SymmetryAction, activation_group, function_change
from ._canonical import canonicalize_scale, canonicalize_sine_phase
from ._groups import (
    SCALE_BIT,
    SIGN_BIT,
    Group,
    NonZeroScale,
    PositiveScale,
    Sign,
    SinePhase,
    Trivial,
    group_of,
)
from ._laws import Law

__all__ = [
    "SCALE_BIT",
    "SIGN_BIT",
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
