from ._deviation import Deviation
from ._fixed import FixedBuffer
from ._shift import ShiftedParameter
from ._spectral_norm import SpectrallyNormalized
from ._states import fold, unfold
from ._tied import Tied
from ._weight_norm import WeightNormalized

__all__ = [
    "Deviation",
    "FixedBuffer",
    "ShiftedParameter",
    "SpectrallyNormalized",
    "Tied",
    "WeightNormalized",
    "fold",
    "unfold",
]

# For other rooms of the house; no promise is made about these.
from ._fixed import digest_of as digest_of
from ._kinds import folding_from_plain as folding_from_plain
from ._kinds import kind_of_folding as kind_of_folding
from ._states import shapes_in as shapes_in
