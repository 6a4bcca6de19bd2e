"""From a file to the networks that the detector is asked about."""

from __future__ import annotations

import dataclasses

import torch

from scalegmn.checkpoints import read_state
from scalegmn.errors import CheckpointError
from scalegmn.networks.recognition import Recognizer, Unrecognized
from scalegmn.training.scanning.judging import Candidate
from scalegmn.training.scanning.results import FileResult, Verdict
from scalegmn.training.scanning.settings import ScanSettings


def read_file(
    blank: FileResult, *, recognizer: Recognizer, settings: ScanSettings
) -> tuple[list[FileResult | Candidate], tuple[str, ...]]:
    """Every network of a file by itself, and the names of all other tensors in it.

    Args:
        blank: the file and the checksum that its bytes must have.
        recognizer: knows the architectures of the detector.
        settings: of the scan.

    Returns:
        Networks to be judged, and results where the detector has no say; and the tensors that belong to
        neither.

    Raises:
        CheckpointError: the file cannot be read safely, or holds no network.
    """
    state = read_state(blank.path, dtype=torch.float32, max_bytes=settings.max_bytes)
    if state.sha256 != blank.sha256:
        raise CheckpointError("the file was changed while it was read; scan it again")
    found = recognizer.recognize(state, activation=settings.activation)
    if isinstance(found, Unrecognized):
        unknown = dataclasses.replace(blank, verdict=Verdict.abstain, reason=found.reason)
        return [unknown], ()
    theta = found.architecture.flatten(found.tensors, origin=blank.path)
    return [Candidate(blank, found.architecture, theta, found.notes)], ()
