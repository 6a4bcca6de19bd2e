"""Settings of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final, final

from scalegmn.configuration import Configuration, Count, Fraction
from scalegmn.networks.recognition import RequestedActivations

DEFAULT_FPR: Final = 0.05
DEFAULT_MAX_BYTES: Final = 2**28
DEFAULT_BATCH_SIZE: Final = 64


class Explain(Enum):
    """For which networks the layers and neurons are named that the prediction depends on most."""

    all = "all"
    suspect = "suspect"
    none = "none"


@final
@dataclass(frozen=True, kw_only=True)
class ScanSettings(Configuration):
    """How to evaluate.

    Attributes:
        fpr: fraction of clean networks that may be called suspect.
        prior: fraction of trojaned networks that probabilities assume; none for that of the calibration.
        activation: of the networks, where names and shapes leave several architectures.
        explain: which networks are explained.
        batch_size: networks at a time.
        max_bytes: larger files, and files that unpack to more, are not read.

    Raises:
        ConfigurationError: a fraction is not between 0 and 1, or a number not positive.
    """

    # What decides predictions is recorded, not how fast they come.
    left_out: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    fpr: Fraction = DEFAULT_FPR
    prior: Fraction | None = None
    activation: str | None = None
    explain: Explain = Explain.all
    batch_size: Count = DEFAULT_BATCH_SIZE
    max_bytes: Count = DEFAULT_MAX_BYTES

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation is not None:
            # An activation that is none is an error of the options, not of every file.
            RequestedActivations.parse(self.activation)
