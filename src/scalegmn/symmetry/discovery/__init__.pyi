from ._group_element import GroupElement
from ._kernel import Kernel
from ._rearrangement import Rearrangement
from ._symmetries import Exponents, SymmetryGroup, symmetry_group

__all__ = ["Exponents", "GroupElement", "Kernel", "Rearrangement", "SymmetryGroup", "symmetry_group"]
