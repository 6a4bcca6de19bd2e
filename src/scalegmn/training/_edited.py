"""Networks as an editor writes them, batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.models import Editor
from scalegmn.networks import Architecture, changed_alike, mean_parameters
from scalegmn.training._inference import device_of, evaluating
from scalegmn.training._memory import kept_memory


def edited_by(model: Editor, architecture: Architecture, theta: Tensor, *, batch_size: int) -> Tensor:
    """Edited networks ``(N, P)``, on the CPU, in the precision of `theta`.

    They are of the architecture that :meth:`~scalegmn.models.Editor.edited_architecture` says.

    Raises:
        GraphError: the model cannot read such networks.
    """
    device, parts = device_of(model), []
    with kept_memory(), evaluating(model):
        for given in theta.split(batch_size):
            each = model.edit_each(NetworkBatch.from_parameters(architecture, given.float().to(device)))
            # The update alone is rounded to single precision, not the network.
            exact = [
                changed_alike(architecture, given, before=given.float(), after=one.single[1].cpu())
                for one in each
            ]
            parts.append(mean_parameters(architecture, torch.stack(exact)))
    return torch.cat(parts)
