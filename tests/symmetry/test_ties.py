"""Which neurons skip connections tie together."""

from __future__ import annotations

import torch

from scalegmn.networks import Activate, Activation, Dense, LayeredArchitecture, Skip, topology_of
from scalegmn.symmetry._ties import tied_neurons

RELU = Activate(Activation("relu"))
LAYERS = (Dense("a", 1, 2), RELU, Dense("b", 2, 2), RELU, Dense("c", 2, 2), RELU, Dense("d", 2, 2))


def test_no_skips_no_ties() -> None:
    assert torch.equal(tied_neurons(topology_of(LayeredArchitecture(LAYERS))), torch.arange(9))


def test_chains_tie_all_their_neurons() -> None:
    """Neurons: 0 | 1 2 | 3 4 | 5 6 | 7 8."""
    chained = LayeredArchitecture(LAYERS, (Skip(1, 2, 1), Skip(0, 1, 1)))
    assert tied_neurons(topology_of(chained)).tolist() == [0, 1, 2, 1, 4, 1, 6, 7, 8]
    to_output = LayeredArchitecture(LAYERS, (Skip(0, 3, 2), Skip(1, 3, 1)))
    assert tied_neurons(topology_of(to_output)).tolist() == [0, 1, 2, 1, 4, 5, 6, 1, 2]
