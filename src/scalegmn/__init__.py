"""ScaleGMN: metanetworks that read trained networks and know which changes leave them the same.

A trained network becomes a graph whose features transform by a known group; what comes out is a prediction
about the network, or a new network.  The names that most programs need are here; they, and the packages
beside them, are loaded when they are first used.

>>> import torch
>>> import scalegmn
>>> network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
>>> model = scalegmn.ScaleGMN(
...     spec=scalegmn.GraphSpec(inputs=2, outputs=1, layers=1), outputs=10, config=scalegmn.ModelConfig()
... )
>>> model(scalegmn.to_graph(network)).shape
torch.Size([1, 10])
"""

from __future__ import annotations

from scalegmn.exports import attach

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
