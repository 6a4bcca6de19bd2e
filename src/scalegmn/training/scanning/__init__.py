"""Judging checkpoint files of unknown origin with a trained detector of trojans.

:func:`scalegmn.training.scanning.scanner.scan` does it; ``docs/scanning.md`` says what the verdicts mean.
"""

from __future__ import annotations
