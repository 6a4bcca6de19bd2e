"""A training that came to its end, as its task and those who measure on its networks see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from scalegmn.configuration import Sections
from scalegmn.models import Metanetwork
from scalegmn.networks import Architecture
from scalegmn.training._data import NetworkDataset


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class FinishedTraining:
    """What there is when the best model has been saved.

    Attributes:
        folder: the run folder.
        options: of the task and the model.
        model: the best one, in evaluation mode.
        train, val: the networks that it learned from, and was chosen by.
        groups: which networks of `val` belong together, ``(n,)``.
        architectures: of all networks.
        batch_size: networks at a time.
    """

    folder: Path
    options: Sections
    model: Metanetwork
    train: NetworkDataset
    val: NetworkDataset
    groups: np.ndarray | None
    architectures: tuple[Architecture, ...]
    batch_size: int
