"""What may change in a network while its function stays."""

from scalegmn.symmetry.action import Element, SymmetryAction, activation_group, function_change
from scalegmn.symmetry.canonical import canonicalize_scale, canonicalize_sine_phase
from scalegmn.symmetry.groups import Group, NonZeroScale, PositiveScale, Sign, SinePhase, Trivial, group_of
from scalegmn.symmetry.laws import Law

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
