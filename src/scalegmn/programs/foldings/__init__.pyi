from ._deviation import Deviation
from ._shift import ShiftedParameter
from ._states import fold, unfold

__all__ = ["Deviation", "ShiftedParameter", "fold", "unfold"]
