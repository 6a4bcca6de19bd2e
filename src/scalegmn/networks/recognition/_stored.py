"""Other parameters of a recognized network as its file keeps them."""

from __future__ import annotations

import torch
from torch import Tensor

from scalegmn.checkpoints import Checkpoint
from scalegmn.networks.recognition._files_of_programs import written_by
from scalegmn.networks.recognition._outcome import Recognized
from scalegmn.networks.recognition._turned import stored_tensors


def stored_parameters(state: Checkpoint, found: Recognized, theta: Tensor) -> dict[str, Tensor]:
    """Other parameters of a network as its file keeps them: under its names, what :func:`write_like` takes.

    Args:
        state: the file.
        found: what it was recognized as.
        theta: parameters of this architecture, ``(P,)``.

    Raises:
        ProgramError: no file of this network says this.

    Law: what is written is recognized as `theta`, up to rounding.
    """
    architecture = found.architecture
    if architecture.as_layers is not None or _holds_parameters(state, found):
        return stored_tensors(state, found.names, architecture.unflatten(theta))
    return written_by(architecture, state, theta)


def _holds_parameters(state: Checkpoint, found: Recognized) -> bool:
    """Whether the tensors of the file are the parameters themselves, and not what these are computed from."""
    if set(found.names) != set(found.tensors) or set(found.names.values()) != set(state.tensors):
        return False
    return all(torch.equal(state.tensors[own], found.tensors[name]) for name, own in found.names.items())
