"""Writing to disk: failures as one sentence, files whole or absent, folders with one writer at a time.

Everything in the library that writes goes through these functions, so that a full disk, a folder that may not
be written to, or two commands with one output end in a sentence, and never in half a file or in one result
that replaces another.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
