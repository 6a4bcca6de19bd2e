from ._aligner import Aligner, PreparedNetwork, align
from ._alignment import Alignment
from ._matching import Matching
from ._parting import parting_of
from ._programs import program_of, readable_shape
from ._reading import SavedReader
from ._saved import SavedCheckpoint, SavedNetwork, SavedOnnx

__all__ = [
    "Aligner",
    "Alignment",
    "Matching",
    "PreparedNetwork",
    "SavedCheckpoint",
    "SavedNetwork",
    "SavedOnnx",
    "SavedReader",
    "align",
    "parting_of",
    "program_of",
    "readable_shape",
]
