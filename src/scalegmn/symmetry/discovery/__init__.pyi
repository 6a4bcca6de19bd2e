from ._canonical_scales import CanonicalScales, canonical_scales
from ._checking import FunctionCheck, check_function
from ._description import ChannelFamily, channel_families, description
from ._entry_moves import TaggedAxes
from ._exponent_rows import ExponentRows
from ._families import ExponentFamily
from ._group_element import GroupElement
from ._kernel import Kernel
from ._network_symmetries import NetworkSymmetries, program_symmetries, symmetries
from ._nullity import JacobianNullity, jacobian_nullity
from ._permutation_groups import Cosets, DirectProduct, Gains, PermutationGroup, Wreath
from ._permutations import (
    FixedFamily,
    PermutationFamily,
    Permutations,
    ValueChannels,
    permutations,
)
from ._rearrangement import Rearrangement
from ._symmetries import Exponents, SymmetryGroup, symmetry_group

__all__ = [
    "CanonicalScales",
    "ChannelFamily",
    "Cosets",
    "DirectProduct",
    "ExponentFamily",
    "ExponentRows",
    "Exponents",
    "FixedFamily",
    "FunctionCheck",
    "Gains",
    "GroupElement",
    "JacobianNullity",
    "Kernel",
    "NetworkSymmetries",
    "PermutationFamily",
    "PermutationGroup",
    "Permutations",
    "Rearrangement",
    "SymmetryGroup",
    "TaggedAxes",
    "ValueChannels",
    "Wreath",
    "canonical_scales",
    "channel_families",
    "check_function",
    "description",
    "jacobian_nullity",
    "permutations",
    "program_symmetries",
    "symmetries",
    "symmetry_group",
]

# For other rooms of the house; no promise is made about these.
from ._canonical_scales import least_squares as least_squares
from ._contraction import arranged as arranged
from ._contraction import contraction_axes as contraction_axes
from ._evaluation import evaluated as evaluated
from ._graded import GradedAlgebra as GradedAlgebra
from ._graded import ScaleAlgebra as ScaleAlgebra
from ._graded import SignAlgebra as SignAlgebra
from ._label_algebra import padded as padded
from ._labels import Labels as Labels
from ._labels import Term as Term
from ._labels import compressed as compressed
from ._labels import core as core
from ._labels import rearranged as rearranged
from ._nullity import random_parameters as random_parameters
from ._permutation_groups import Moves as Moves
