from ._action import Element, SymmetryAction
from ._canonical import canonicalize_scale, canonicalize_sine_phase
from ._function_change import function_change
from ._groups import Group, NonZeroScale, PositiveScale, Sign, SinePhase, Trivial, activation_group, group_of
from ._laws import Law
from ._transformations import (
    LayeredTransformation,
    ProgramTransformation,
    Transformation,
    draw_symmetry,
    random_symmetry,
)

__all__ = [
    "Element",
    "Group",
    "Law",
    "LayeredTransformation",
    "NonZeroScale",
    "PositiveScale",
    "ProgramTransformation",
    "Sign",
    "SinePhase",
    "SymmetryAction",
    "Transformation",
    "Trivial",
    "activation_group",
    "canonicalize_scale",
    "canonicalize_sine_phase",
    "draw_symmetry",
    "function_change",
    "group_of",
    "random_symmetry",
]

# For other rooms of the house; no promise is made about these.
from ._groups import PHASE_BIT as PHASE_BIT
from ._groups import SCALE_BIT as SCALE_BIT
from ._groups import SIGN_BIT as SIGN_BIT
from ._transformations import group_of_program as group_of_program
