"""Files of architectures that read tensors in a way of their own, such as variances as their roots."""

from __future__ import annotations

from collections.abc import Set

from scalegmn.checkpoints import Checkpoint
from scalegmn.errors import ArchitectureError, CheckpointError, ProgramError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition._names import SHOWN, and_more, core_names
from scalegmn.networks.recognition._outcome import Match


def read_by(architecture: Architecture, state: Checkpoint) -> Match | ScaleGMNError | None:
    """What an architecture reads from a file in its own way, or why not; None where names are missing.

    A prefix that all names share is taken off.
    """
    # Tables of whole numbers, which some programs compare with their own, are no parameters of a file.
    own = {**state.buffers, **state.tensors}
    cores = core_names(own) or {}
    refusal: ScaleGMNError | None = None
    for names in ({name: name for name in own}, cores):
        if architecture.file_names <= names.keys():
            try:
                _check_all_read(
                    architecture, {name for name, theirs in names.items() if theirs in state.tensors}
                )
                tensors = {name: own[theirs] for name, theirs in names.items()}
                theta = architecture.read_state(tensors, origin=architecture.describe())
            except (ArchitectureError, CheckpointError, ProgramError) as error:
                refusal = error
                continue
            shared = [p.name for p in architecture.parameters if p.name in names]
            return Match(architecture, {name: names[name] for name in shared}, architecture.unflatten(theta))
    return refusal


def _check_all_read(architecture: Architecture, names: Set[str]) -> None:
    """Nothing in a file may hide behind a network that does not look at it."""
    unread = sorted(names - architecture.readable_names)
    if unread:
        raise CheckpointError(
            f"{', '.join(unread[:SHOWN])}{and_more(len(unread))} would not be read, while all tensors of "
            f"{architecture.describe()} are there; expected a file of this network alone, leave the rest out"
        )
