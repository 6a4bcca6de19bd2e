from ._aligner import Aligner, PreparedNetwork, align
from ._alignment import Alignment
from ._barrier import Barrier, barrier
from ._diff import NetworkDifference, ParameterDifference, diff, difference_of
from ._functions import check_function_kept
from ._matching import Matching
from ._merging import MergedNetwork, merge
from ._parting import parting_of
from ._programs import program_of, readable_shape
from ._reading import SavedReader
from ._restoring import Restorer
from ._same import Sameness, same
from ._saved import SavedCheckpoint, SavedNetwork, SavedOnnx
from ._tolerance import Tolerance

__all__ = [
    "Aligner",
    "Alignment",
    "Barrier",
    "Matching",
    "MergedNetwork",
    "NetworkDifference",
    "ParameterDifference",
    "PreparedNetwork",
    "Restorer",
    "Sameness",
    "SavedCheckpoint",
    "SavedNetwork",
    "SavedOnnx",
    "SavedReader",
    "Tolerance",
    "align",
    "barrier",
    "check_function_kept",
    "diff",
    "difference_of",
    "merge",
    "parting_of",
    "program_of",
    "readable_shape",
    "same",
]

# For other rooms of the house; no promise is made about these.
from ._batches import in_batches as in_batches
from ._functions import answers_apart as answers_apart
from ._functions import program_inputs as program_inputs
from ._norms import NormPlace as NormPlace
from ._norms import norms_of as norms_of
from ._parting import program_in as program_in
