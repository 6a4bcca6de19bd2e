"""The layers of :mod:`scalegmn.nn` with fewer operations; :class:`~scalegmn.models.Backbone` chooses.

What a batch needs is planned from its structure once (:class:`Plan`), and each layer is executed on the
rows that are read (:func:`execute_layer`).  The modules, and with them the weights and their names, are
those of :mod:`scalegmn.nn`; values and gradients are those of their forwards to rounding, which the tests
compare in float64 to 1e-10.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
