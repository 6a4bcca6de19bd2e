"""How a scan judges."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, final

from scalegmn.errors import ConfigurationError

DEFAULT_FPR: Final = 0.05
DEFAULT_MAX_BYTES: Final = 2**28
DEFAULT_BATCH_SIZE: Final = 64


class Explain(Enum):
    """For which networks the layers and neurons are named that the answer depends on most."""

    all = "all"
    suspect = "suspect"
    none = "none"


@final
@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How to judge.

    Attributes:
        fpr: share of clean networks that may be called suspect.
        prior: share of trojaned networks that probabilities assume; none for that of the calibration.
        activation: of the networks, where names and shapes leave several architectures.
        explain: which networks are explained.
        batch_size: networks at a time.
        max_bytes: larger files, and files that unpack to more, are not read.

    Raises:
        ConfigurationError: a share is not between 0 and 1, or a number not positive.
    """

    fpr: float = DEFAULT_FPR
    prior: float | None = None
    activation: str | None = None
    explain: Explain = Explain.all
    batch_size: int = DEFAULT_BATCH_SIZE
    max_bytes: int = DEFAULT_MAX_BYTES

    def __post_init__(self) -> None:
        mistakes = [
            f"{name} is {value}, expected a share between 0 and 1"
            for name, value in (("fpr", self.fpr), ("prior", self.prior))
            if value is not None and not 0 < value < 1
        ]
        mistakes += [
            f"{name} is {value}, expected at least 1"
            for name, value in (("batch_size", self.batch_size), ("max_bytes", self.max_bytes))
            if value < 1
        ]
        if mistakes:
            raise ConfigurationError("scan: " + "; ".join(mistakes))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON: what decides answers, and not how fast they come."""
        data = dataclasses.asdict(self)
        del data["batch_size"]
        return data | {"explain": self.explain.value}
