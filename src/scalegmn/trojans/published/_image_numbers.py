"""Sets of indices of images as short texts, one bit for each image."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from scalegmn.errors import PopulationError


def pack_numbers(numbers: np.ndarray) -> str:
    """The set as text; nothing for the empty one.

    Law: ``unpack_numbers(pack_numbers(numbers)) == numbers`` for ascending numbers from 0.
    """
    bits = np.zeros(int(numbers[-1]) + 1 if len(numbers) else 0, bool)
    bits[numbers] = True
    return base64.b64encode(np.packbits(bits).tobytes()).decode("ascii")


def unpack_numbers(text: str, *, origin: str) -> np.ndarray:
    """The ascending numbers that :func:`pack_numbers` wrote, int64.

    Raises:
        PopulationError: it is no such text; names `origin`.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PopulationError(
            f"{origin}: {text!r:.40} is no list of images; take the column from `scalegmn import`"
        ) from error
    return np.flatnonzero(np.unpackbits(np.frombuffer(content, np.uint8)))
