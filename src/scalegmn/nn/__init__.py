"""The paper's building blocks; the forward of each is the equation that it names.

One layer is :class:`ScaleMessagePassing`, made of :class:`Message`, :class:`NodeUpdate` and
:class:`EdgeUpdate`, which are made of :class:`ReScaleEquivariant`, :class:`ScaleEquivariant` and
:class:`ScaleInvariant`. `docs/the_layer.md` has their equations side by side.  :mod:`scalegmn.nn.fast`
computes the same with fewer operations.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
