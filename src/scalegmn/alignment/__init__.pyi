from ._aligner import Aligner, PreparedNetwork, align
from ._alignment import Alignment
from ._barrier import Barrier, barrier
from ._diff import NetworkDifference, ParameterDifference, diff, difference_of
from ._functions import check_function_kept
from ._matching import Matching
from ._merging import MergedNetwork, merge
from ._narrowing import narrowed
from ._parting import parting_of
from ._programs import program_of, readable_shape
from ._reading import SavedReader
from ._restoring import Restorer
from ._same import Sameness, same
from ._saved import SavedCheckpoint, SavedNetwork, SavedOnnx
from ._tolerance import Tolerance
from ._widening import rewired, with_split_neurons, with_unread_neurons

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
    "narrowed",
    "parting_of",
    "program_of",
    "readable_shape",
    "rewired",
    "same",
    "with_split_neurons",
    "with_unread_neurons",
]
