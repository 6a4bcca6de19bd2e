from ._checking import FunctionCheck, check_function
from ._description import ChannelFamily, channel_families, description
from ._families import ExponentFamily
from ._group_element import GroupElement
from ._kernel import Kernel
from ._mixing import Mixing, MixtureFamily, mixed_families
from ._mixing_action import mix, shift
from ._network_symmetries import NetworkSymmetries, program_symmetries, symmetries
from ._nullity import JacobianNullity, jacobian_nullity
from ._permutation_groups import Cosets, DirectProduct, PermutationGroup, Wreath
from ._permutations import FixedFamily, PermutationFamily, Permutations, permutations
from ._rearrangement import Rearrangement
from ._shifts import ShiftFamily, additive_parameters, shift_families
from ._symmetries import Exponents, SymmetryGroup, symmetry_group

__all__ = [
    "ChannelFamily",
    "Cosets",
    "DirectProduct",
    "ExponentFamily",
    "Exponents",
    "FixedFamily",
    "FunctionCheck",
    "GroupElement",
    "JacobianNullity",
    "Kernel",
    "Mixing",
    "MixtureFamily",
    "NetworkSymmetries",
    "PermutationFamily",
    "PermutationGroup",
    "Permutations",
    "Rearrangement",
    "ShiftFamily",
    "SymmetryGroup",
    "Wreath",
    "additive_parameters",
    "channel_families",
    "check_function",
    "description",
    "jacobian_nullity",
    "mix",
    "mixed_families",
    "permutations",
    "program_symmetries",
    "shift",
    "shift_families",
    "symmetries",
    "symmetry_group",
]
