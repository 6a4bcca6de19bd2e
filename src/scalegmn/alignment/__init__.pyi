from ._aligner import Aligner, PreparedNetwork, align
from ._alignment import Alignment
from ._matching import Matching
from ._programs import program_of, readable_shape

__all__ = [
    "Aligner",
    "Alignment",
    "Matching",
    "PreparedNetwork",
    "align",
    "program_of",
    "readable_shape",
]
