from ._deviation import Deviation
from ._shift import ShiftedParameter
from ._states import fold, unfold
from ._tied import Tied

__all__ = ["Deviation", "ShiftedParameter", "Tied", "fold", "unfold"]
