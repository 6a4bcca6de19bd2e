"""How well predictions fit: intervals by resampling, correlations, ROC figures, calibration errors."""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
