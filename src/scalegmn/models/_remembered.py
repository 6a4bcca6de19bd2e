"""Features that cost much to compute, and are asked for in every epoch: each network's are computed once."""

from __future__ import annotations

import hashlib
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import FeatureSet
from scalegmn.networks import Architecture

_MOST_NUMBERS: Final = 2**25
"""Numbers that are kept, 128 MiB in float32; what was first asked for gives way."""


@final
class RememberedFeatures:
    """The features of a set, kept for networks that come again.

    A network is known by its architecture and every bit of its parameters, so nothing has to be said about
    rows or epochs, and a network that was changed is another one.

    Args:
        feature_set: what is read of networks.
    """

    def __init__(self, feature_set: FeatureSet) -> None:
        self.feature_set = feature_set
        self._known: dict[bytes, Tensor] = {}

    @torch.no_grad()
    def compute(self, batch: NetworkBatch) -> Tensor:
        """``(B, F)``, in the order of the batch, without a gradient.

        Raises:
            GraphError: the features cannot read a network.
        """
        return torch.cat([self._of(architecture, theta.detach()) for architecture, theta in batch.parts])

    def _of(self, architecture: Architecture, theta: Tensor) -> Tensor:
        rows = theta.cpu().contiguous()
        keys = [_key(architecture, row) for row in rows]
        new = [number for number, key in enumerate(keys) if key not in self._known]
        fresh: dict[bytes, Tensor] = {}
        if new:
            batch = NetworkBatch.from_parameters(architecture, theta[new])
            computed = self.feature_set.compute(batch).cpu()
            fresh = dict(zip([keys[number] for number in new], computed, strict=True))
        found = torch.stack([fresh[key] if key in fresh else self._known[key] for key in keys])
        self._known.update(fresh)
        while len(self._known) * self.feature_set.size > _MOST_NUMBERS:
            del self._known[next(iter(self._known))]
        return found.to(theta.device)


def _key(architecture: Architecture, row: Tensor) -> bytes:
    digest = hashlib.blake2b(f"{architecture.fingerprint} {row.dtype}".encode(), digest_size=20)
    digest.update(row.numpy().tobytes())
    return digest.digest()
