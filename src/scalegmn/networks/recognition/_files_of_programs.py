"""Files of architectures that read tensors in a way of their own, such as variances as their roots."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints import Checkpoint
from scalegmn.errors import ArchitectureError, CheckpointError, ProgramError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition._names import SHOWN, and_more, core_names
from scalegmn.networks.recognition._outcome import Match


def read_by(architecture: Architecture, state: Checkpoint) -> Match | ScaleGMNError | None:
    """What an architecture reads from a file in its own way, or why not; None where names are missing.

    A prefix that all names share is taken off.
    """
    found = _read(architecture, state)
    return found.match if isinstance(found, _Reading) else found


def written_by(architecture: Architecture, state: Checkpoint, theta: Tensor) -> dict[str, Tensor]:
    """Other parameters ``(P,)`` in the place of those that an architecture reads in its own way.

    Returns:
        The tensors of the file under its names.

    Raises:
        CheckpointError: the architecture does not read the file.
    """
    found = _read(architecture, state)
    if not isinstance(found, _Reading):
        raise found or CheckpointError(
            f"{state.origin}: holds no network {architecture.describe()}; expected the file that was read"
        )
    own = {**state.buffers, **state.tensors}
    written = architecture.write_state(
        theta, like={name: own[theirs] for name, theirs in found.names.items()}
    )
    return {
        theirs: written[name].contiguous() for name, theirs in found.names.items() if theirs in state.tensors
    }


@final
@dataclass(frozen=True, eq=False)
class _Reading:
    """How a file was read.

    Attributes:
        names: of its tensors as the architecture calls them, and in the file.
        match: what was read.
    """

    names: dict[str, str]
    match: Match


def _read(architecture: Architecture, state: Checkpoint) -> _Reading | ScaleGMNError | None:
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
            shared = {p.name: names[p.name] for p in architecture.parameters if p.name in names}
            return _Reading(names, Match(architecture, shared, architecture.unflatten(theta)))
    return refusal


def reads_plainly(architecture: Architecture) -> bool:
    """Whether files hold the very numbers that it computes with, and not ``w`` where that is ``1 + w``."""
    theta = torch.linspace(0.5, 1.0, architecture.num_parameters, dtype=torch.float64)
    try:
        return torch.equal(architecture.read_state(architecture.unflatten(theta)), theta)
    except ScaleGMNError:
        return False


def has_shapes(architecture: Architecture, state: Checkpoint) -> bool:
    """Whether the tensors of a file have the shapes of the parameters of the same names."""
    own = {name: tuple(state.tensors[theirs].shape) for name, theirs in _cores(state).items()}
    return all(own.get(one.name, one.shape) == one.shape for one in architecture.parameters)


def missing_from(architectures: Sequence[Architecture], state: Checkpoint) -> str | None:
    """What a file lacks of the program that it is nearest to; None where it is near to none of some."""
    cores = _cores(state)
    near = [
        one
        for one in architectures
        if cores.keys() <= one.readable_names
        and len(one.file_names - cores.keys()) <= len(cores)
        and has_shapes(one, state)
    ]
    if not near:
        return None
    architecture = min(near, key=lambda one: len(one.file_names - cores.keys()))
    missing = sorted(architecture.file_names - cores.keys())
    return (
        f"it lacks {', '.join(missing[:SHOWN])}{and_more(len(missing))}, while all else in it is that of "
        f"{architecture.describe()}; save the whole state dict, statistics of norms included"
    )


def _cores(state: Checkpoint) -> dict[str, str]:
    """Names of a file without a prefix that all of them share, and in the file."""
    return core_names(state.tensors) or {name: name for name in state.tensors}


def _check_all_read(architecture: Architecture, names: Set[str]) -> None:
    """Nothing in a file may hide behind a network that does not look at it."""
    unread = sorted(names - architecture.readable_names)
    if unread:
        raise CheckpointError(
            f"{', '.join(unread[:SHOWN])}{and_more(len(unread))} would not be read, while all tensors of "
            f"{architecture.describe()} are there; expected a file of this network alone, leave the rest out"
        )
