"""Which architecture named tensors of a file belong to.

Names and shapes decide; what they leave open is decided by what the file says about itself, or by the user.
Nothing is guessed: what stays open is an answer of its own, :class:`Unrecognized`.
"""

from __future__ import annotations

from scalegmn.networks.recognition.outcome import Recognized, Unrecognized
from scalegmn.networks.recognition.recognizer import Recognizer
from scalegmn.networks.recognition.stated import DESCRIPTION, FINGERPRINT, architecture_entries

__all__ = [
    "DESCRIPTION",
    "FINGERPRINT",
    "Recognized",
    "Recognizer",
    "Unrecognized",
    "architecture_entries",
]
