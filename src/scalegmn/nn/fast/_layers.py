"""All layers that have a fast form, so that whoever asks for :func:`execute_layer` finds each of them."""

from __future__ import annotations

from scalegmn.nn.fast._any_width import execute_any_width_layer
from scalegmn.nn.fast._execute import execute_layer

__all__ = ["execute_any_width_layer", "execute_layer"]
