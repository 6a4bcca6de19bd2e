"""Which architecture named tensors of a file belong to.

Names and shapes decide; what they leave open is decided by what the file says about itself, or by the user.
Nothing is guessed: what stays open is a prediction of its own, :class:`Unrecognized`.
"""

from __future__ import annotations

from scalegmn.exports import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
