"""Local random generators.  Library code never touches a global seed.

:func:`generator` derives independent, reproducible streams from one seed and any number of labels,
so that, for example, network 17 of a population is drawn the same whatever the shard size.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive_seed(seed: int, *labels: str | int) -> int:
    """A 63-bit seed that depends on `seed` and on every label, stable across machines and versions."""
    text = "/".join([str(seed), *(str(label) for label in labels)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *labels: str | int, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator of its own for the stream named by `labels`."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, *labels))


def numpy_generator(seed: int, *labels: str | int) -> np.random.Generator:
    """A numpy generator of its own for the stream named by `labels`."""
    return np.random.default_rng(derive_seed(seed, *labels))
