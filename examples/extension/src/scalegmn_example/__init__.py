"""A task and a metanetwork for scalegmn, as a package of their own."""

from scalegmn_example.neuron_sets import NeuronSets
from scalegmn_example.spectral_gain import SpectralGain


def register() -> None:
    """Add them to the lists of scalegmn; called once, when a name is asked for that it does not know."""
    SpectralGain.register()
    NeuronSets.register()
