from ._checking import FunctionCheck, check_function
from ._description import ChannelFamily, channel_families, description
from ._families import ExponentFamily
from ._group_element import GroupElement
from ._kernel import Kernel
from ._network_symmetries import NetworkSymmetries, program_symmetries, symmetries
from ._nullity import JacobianNullity, jacobian_nullity
from ._rearrangement import Rearrangement
from ._symmetries import Exponents, SymmetryGroup, symmetry_group

__all__ = [
    "ChannelFamily",
    "ExponentFamily",
    "Exponents",
    "FunctionCheck",
    "GroupElement",
    "JacobianNullity",
    "Kernel",
    "NetworkSymmetries",
    "Rearrangement",
    "SymmetryGroup",
    "channel_families",
    "check_function",
    "description",
    "jacobian_nullity",
    "program_symmetries",
    "symmetries",
    "symmetry_group",
]
