from ._aligner import Aligner, PreparedNetwork, align
from ._alignment import Alignment
from ._diff import NetworkDifference, ParameterDifference, diff, difference_of
from ._functions import check_function_kept
from ._matching import Matching
from ._narrowing import narrowed
from ._parting import parting_of
from ._programs import program_of, readable_shape
from ._reading import SavedReader
from ._same import Sameness, same
from ._saved import SavedCheckpoint, SavedNetwork, SavedOnnx
from ._tolerance import Tolerance
from ._widening import rewired, with_split_neurons, with_unread_neurons

__all__ = [
    "Aligner",
    "Alignment",
    "Matching",
    "NetworkDifference",
    "ParameterDifference",
    "PreparedNetwork",
    "Sameness",
    "SavedCheckpoint",
    "SavedNetwork",
    "SavedOnnx",
    "SavedReader",
    "Tolerance",
    "align",
    "check_function_kept",
    "diff",
    "difference_of",
    "narrowed",
    "parting_of",
    "program_of",
    "readable_shape",
    "rewired",
    "same",
    "with_split_neurons",
    "with_unread_neurons",
]
