from ._checksums import file_sha256
from ._claims import LOCK, claimed, holds_something, new_folder, writer_in
from ._failures import sentence_of, writing
from ._whole_files import create_file, make_folder, remove_remains, replace_file

__all__ = [
    "LOCK",
    "claimed",
    "create_file",
    "file_sha256",
    "holds_something",
    "make_folder",
    "new_folder",
    "remove_remains",
    "replace_file",
    "sentence_of",
    "writer_in",
    "writing",
]
