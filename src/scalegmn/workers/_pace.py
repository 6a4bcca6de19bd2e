"""How long pieces of work take."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Final, final

# Pieces that are remembered, and before which nothing is late.
_REMEMBERED: Final = 64
_FEWEST: Final = 4
# A piece is late that takes so many times as long as half of the last ones, and so many seconds.
_LATE: Final = 4.0
_LATE_SECONDS: Final = 20.0


@final
class Pace:
    """The time that the last pieces took, by which others are late."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, seconds: float) -> None:
        """Remember how long a piece took."""
        self._seconds.append(seconds)

    def is_late(self, seconds: float) -> bool:
        """Whether a piece takes much longer than others that has taken so long."""
        if seconds < _LATE_SECONDS or len(self._seconds) < _FEWEST:
            return False
        return seconds >= _LATE * statistics.median(self._seconds)
