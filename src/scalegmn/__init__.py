"""ScaleGMN: metanetworks that read trained networks and know which changes leave them the same.

A trained network becomes a graph whose numbers know how they transform; what comes out is an answer
about the network, or a new network.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"

__all__ = ["__version__"]
