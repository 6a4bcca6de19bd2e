"""The fields of graphs that hold no parameters, for many networks of one architecture."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from scalegmn.graph._batching import tile
from scalegmn.graph._fields import INDEX_FIELDS
from scalegmn.graph._layouts import layout_of
from scalegmn.networks import Architecture

_KEPT_EDGES: Final = 2**19
"""Up to this many edges the index tensors of a batch are kept for the next one (about 20 MB)."""


def kept_tile(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    """Like :func:`device_tile`, but all except large batches of one size share the same tensors.

    By these, what was worked out for one batch is found for the next (:mod:`scalegmn.graph._cache`).
    """
    capacity = 1 << max(count - 1, 0).bit_length()
    if capacity * layout_of(architecture).structure["edge_type"].numel() > _KEPT_EDGES:
        return device_tile(architecture, count, device)
    return _views(architecture, count, capacity, device)


@lru_cache(maxsize=256)
def _views(architecture: Architecture, count: int, capacity: int, device: torch.device) -> dict[str, Tensor]:
    """The fields of `count` networks are the first rows of those of more.

    Batches whose sizes differ a little, as they do among several architectures, share one tile.
    """
    structure = layout_of(architecture).structure
    rows = {name: count * value.shape[-1 if name in INDEX_FIELDS else 0] for name, value in structure.items()}
    rows |= {"batch": count * structure["node_role"].numel(), "ptr": count + 1}
    return {
        name: value[..., : rows[name]] if name in INDEX_FIELDS else value[: rows[name]]
        for name, value in _tile_of(architecture, capacity, device).items()
    }


@lru_cache(maxsize=64)
def _tile_of(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    """Cached; never written into."""
    # What inference mode makes cannot be used by a later training.
    with torch.inference_mode(False):
        return device_tile(architecture, count, device)


def device_tile(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in tile(layout_of(architecture).structure, count).items()}
