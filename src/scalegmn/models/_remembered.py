"""Features that cost much to compute, and are asked for in every epoch: each network's are computed once."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features import FeatureSet, RememberedRows
from scalegmn.networks import Architecture

_MOST_NUMBERS: Final = 2**25
"""Numbers that are kept, 128 MiB in float32; what was not asked for the longest gives way."""


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
        self._known = RememberedRows(most=max(1, _MOST_NUMBERS // feature_set.size))

    @torch.no_grad()
    def compute(self, batch: NetworkBatch) -> Tensor:
        """``(B, F)``, in the order of the batch, without a gradient.

        Raises:
            GraphError: the features cannot read a network.
        """
        return torch.cat([self._of(architecture, theta) for architecture, theta in batch.parts])

    def _of(self, architecture: Architecture, theta: Tensor) -> Tensor:
        def compute(rows: Tensor) -> Tensor:
            return self.feature_set.compute(NetworkBatch.from_parameters(architecture, rows))

        return self._known.rows(architecture.fingerprint, theta, compute)
