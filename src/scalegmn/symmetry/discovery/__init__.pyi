from ._checking import FunctionCheck, check_function
from ._description import ChannelFamily, channel_families, description
from ._families import ExponentFamily
from ._group_element import GroupElement
from ._kernel import Kernel
from ._network_symmetries import NetworkSymmetries, program_symmetries, symmetries
from ._nullity import JacobianNullity, jacobian_nullity
from ._permutation_groups import Cosets, DirectProduct, PermutationGroup, Wreath
from ._permutations import FixedFamily, PermutationFamily, Permutations, permutations
from ._rearrangement import Rearrangement
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
    "NetworkSymmetries",
    "PermutationFamily",
    "PermutationGroup",
    "Permutations",
    "Rearrangement",
    "SymmetryGroup",
    "Wreath",
    "channel_families",
    "check_function",
    "description",
    "jacobian_nullity",
    "permutations",
    "program_symmetries",
    "symmetries",
    "symmetry_group",
]
