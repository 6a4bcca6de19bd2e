"""How large a program in a file may be."""

from __future__ import annotations

from typing import Final

FORMAT: Final = "scalegmn program"
"""By which a file says what it is."""
VERSION: Final = 1
"""Of the format."""
KINDS: Final = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
)
"""Kinds of numbers in tensors."""
BYTES: Final = 2**28
"""Of a file."""
VALUES: Final = 100_000
"""Inputs, parameters, constants, instructions, outputs: of each of them."""
ARGUMENTS: Final = 64
"""Of an instruction."""
PARTS: Final = 4096
"""Of an argument that is a list, and of what an instruction writes."""
NESTING: Final = 3
"""Lists within each other in an argument."""
RANK: Final = 16
"""Axes of a tensor."""
ENTRIES: Final = 2**36
"""Of a tensor."""
CONSTANTS: Final = 2**25
"""Entries of all constants together."""
TEXT: Final = 1000
"""Characters of a name."""
WHOLE: Final = 2**63
"""Literal integers are below it."""
