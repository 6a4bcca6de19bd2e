"""How many operations a prediction takes, whatever the machine."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from scalegmn.models import Metanetwork
from scalegmn.training._data import NetworkDataset
from scalegmn.training._inference import device_of, evaluating
from scalegmn.training._task import AnyTask

# Networks that are counted: of mixed architectures some are larger.
_SAMPLE = 32


def operations_per_network(task: AnyTask, model: Metanetwork, networks: NetworkDataset) -> float:
    """Multiplications and additions of matrix products and convolutions in one prediction, per network.

    Sums over edges, activations and what trees do are not counted; neither is preparing the networks.
    """
    chosen = np.unique(np.linspace(0, len(networks) - 1, _SAMPLE).astype(np.int64))
    batch = networks[chosen].to(device_of(model))
    with torch.no_grad(), evaluating(model), FlopCounterMode(display=False) as counter:
        task.predict(model, batch)
    return counter.get_total_flops() / len(chosen)
