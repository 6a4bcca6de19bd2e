from ._deviation import Deviation
from ._shift import ShiftedParameter
from ._states import fold, unfold
from ._tied import Tied

__all__ = ["Deviation", "ShiftedParameter", "Tied", "fold", "unfold"]

# For other rooms of the house; no promise is made about these.
from ._kinds import folding_from_plain as folding_from_plain
from ._kinds import kind_of_folding as kind_of_folding
