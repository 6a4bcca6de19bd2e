"""Files of strangers are read in processes of their own, so that a crash, a hang or a bomb costs one file.

The parent opens a file and hands its descriptor to a worker, which reads, hashes and decodes the bytes with
numpy and the standard library, under limits of the system, and answers with text and raw numbers.  The parent
believes nothing of the answer that it has not checked, and has a clock of its own.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
