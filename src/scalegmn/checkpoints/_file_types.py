"""What a file is, by its first bytes and never by its name, and how to get the weights out of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

SAVE: Final = "save module.state_dict() with torch.save or safetensors where the network was made"
_DOWNLOAD: Final = "download the file itself"
_UNPACK: Final = "unpack it and give the files inside"


@final
@dataclass(frozen=True)
class FileType:
    """A kind of file that holds no weights in a form that is read here.

    Attributes:
        name: with its article.
        remedy: how to get weights that can be read.
    """

    name: str
    remedy: str


# Where to look, what stands there, and what it means.
_SIGNATURES: Final = (
    (
        0,
        b"\x93NUMPY",
        FileType("a single NumPy array (.npy)", "save all arrays with np.savez, each under its name"),
    ),
    (
        0,
        b"GGUF",
        FileType("a GGUF file of quantized weights", "give the checkpoint that it was converted from"),
    ),
    (
        4,
        b"TFL3",
        FileType("a TensorFlow Lite model", f"load the network that it was converted from and {SAVE}"),
    ),
    (
        4,
        b"ET12",
        FileType("a program of ExecuTorch", f"load the network that it was exported from and {SAVE}"),
    ),
    (0, b"\x1f\x8b", FileType("a gzip archive", _UNPACK)),
    (0, b"\xfd7zXZ\x00", FileType("an xz archive", _UNPACK)),
    (0, b"BZh", FileType("a bzip2 archive", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", FileType("a Zstandard archive", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", FileType("a 7-Zip archive", _UNPACK)),
    (0, b"Rar!", FileType("a RAR archive", _UNPACK)),
    (257, b"ustar", FileType("a tar archive", _UNPACK)),
    (0, b"\x89PNG", FileType("a PNG picture", "give a checkpoint")),
    (0, b"\xff\xd8\xff", FileType("a JPEG picture", "give a checkpoint")),
    (0, b"%PDF", FileType("a PDF document", "give a checkpoint")),
    (0, b"SQLite format 3\0", FileType("an SQLite database", "give a checkpoint")),
    (0, b"PAR1", FileType("a Parquet table", "give a checkpoint")),
    (0, b"\x7fELF", FileType("a program", "give a checkpoint")),
    (0, b"MZ", FileType("a program for Windows", "give a checkpoint")),
    (
        0,
        b"version https://git-lfs",
        FileType("a Git-LFS pointer, not the file that it stands for", "run git lfs pull"),
    ),
)
_PAGE: Final = re.compile(rb"\s*(<!doctype html|<html|<head)", re.IGNORECASE)
_MARKUP: Final = re.compile(rb"\s*<(\?xml|[A-Za-z!])")
_JSON: Final = re.compile(rb"\s*[\[{]")
# An ONNX model is a message of protobuf: the version of its format, and then fields with their lengths.
_ONNX: Final = re.compile(rb"\x08[\x01-\x20]((\x12|\x1a|\x22|\x2a|\x32|\x3a|\x42)[\x00-\xff])", re.DOTALL)


def is_tar(content: bytes) -> bool:
    """Whether a file starts with the header of a tar archive: its sum is right, whatever its first name is.

    torch looks for tar archives before it looks for pickles.
    """
    head = content[:512]
    said = head[148:156].strip(b" \0")
    if len(head) < 512 or not said or not set(said) <= set(b"01234567"):
        return False
    others = head[:148] + b" " * 8 + head[156:]
    return int(said, 8) in (sum(others), sum(byte - 256 * (byte > 127) for byte in others))


def foreign_kind(content: bytes) -> FileType | None:
    """The kind of a file by its first bytes; None where nothing is known."""
    for place, mark, kind in _SIGNATURES:
        if content[place : place + len(mark)] == mark:
            return kind
    head = content[:512].lstrip(b"\xef\xbb\xbf")
    if _PAGE.match(head):
        return FileType("an HTML page, perhaps of a download that asked for a log-in", _DOWNLOAD)
    if _ONNX.match(head):
        return FileType(
            "an ONNX model",
            f"give the checkpoint that it was exported from, or load that and {SAVE} (scalegmn symmetries "
            "and scalegmn trace read it as it is)",
        )
    if _MARKUP.match(head):
        return FileType("a document of markup (XML)", "give a checkpoint")
    if _JSON.match(head) and _is_text(head):
        return FileType("a JSON text", "give the checkpoint that it describes")
    if content and _is_text(head):
        return FileType("a text", _DOWNLOAD)
    return None


_ARCHIVES: Final[tuple[tuple[str, FileType], ...]] = (
    ("model.weights.json", FileType("a Keras archive of several files of weights", "save it as one file")),
    ("config.json", FileType("an archive of a model without model.weights.h5", f"load it there and {SAVE}")),
    ("MAR-INF/MANIFEST.json", FileType("a TorchServe archive", _UNPACK)),
    ("archive_format", FileType("a program of torch.export", f"load it with torch.export.load and {SAVE}")),
    (
        "Manifest.json",
        FileType("a Core ML package", f"load the network that it was converted from and {SAVE}"),
    ),
    ("[Content_Types].xml", FileType("an office document", "give a checkpoint")),
    ("META-INF/MANIFEST.MF", FileType("a Java archive", "give a checkpoint")),
)


def archive_kind(members: Mapping[str, object]) -> FileType:
    """The kind of a zip archive that is neither torch's nor NumPy's."""
    for name, kind in _ARCHIVES:
        if any(member == name or member.endswith(f"/{name}") for member in members):
            return kind
    return FileType("a zip archive that neither torch.save nor np.savez wrote", _UNPACK)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may be cut in two.
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter in "\r\n\t" for letter in text)
