"""Writing to disk: failures as one sentence, files whole or absent, folders with one writer at a time.

Everything in the library that writes goes through these functions, so that a full disk, a folder that may not
be written to, or two commands with one output end in a sentence, and never in half a file or in one result
that replaces another.
"""

from __future__ import annotations

from scalegmn.disk.claims import claimed, holds_something, new_folder, writer_in
from scalegmn.disk.failures import sentence_of, writing
from scalegmn.disk.whole_files import create_file, make_folder, remove_remains, replace_file

__all__ = [
    "claimed",
    "create_file",
    "holds_something",
    "make_folder",
    "new_folder",
    "remove_remains",
    "replace_file",
    "sentence_of",
    "writer_in",
    "writing",
]
