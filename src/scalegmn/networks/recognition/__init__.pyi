from ._outcome import Recognized, Unrecognized
from ._recognizer import Recognizer
from ._stated import DESCRIPTION, FINGERPRINT, Stated, architecture_entries
from ._variants import Wanted

__all__ = [
    "DESCRIPTION",
    "FINGERPRINT",
    "Recognized",
    "Recognizer",
    "Stated",
    "Unrecognized",
    "Wanted",
    "architecture_entries",
]
