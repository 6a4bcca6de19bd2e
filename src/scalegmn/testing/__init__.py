"""Tools for testing metanetworks: random networks, random weights, and checks of symmetry.

For users as much as for the library's own tests; nothing in the library imports it::

    networks = random_networks(generator=generator(0), architectures=5)
    model = randomise(ScaleGMN(...), generator=generator(1)).double()
    assert_invariant(model, networks, generator=generator(2))
"""

from scalegmn.testing.architectures import (
    ELEMENTWISE,
    random_activation,
    random_architecture,
    random_cnn,
    random_mlp,
    random_residual_cnn,
    random_residual_mlp,
    random_siren,
)
from scalegmn.testing.assertions import TOLERANCES, assert_equivariant, assert_invariant, symmetry_error
from scalegmn.testing.comparison import Networks
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import (
    input_shape,
    random_inputs,
    random_networks,
    random_parameters,
    randomise,
)

__all__ = [
    "ELEMENTWISE",
    "TOLERANCES",
    "Elements",
    "Networks",
    "assert_equivariant",
    "assert_invariant",
    "input_shape",
    "random_activation",
    "random_architecture",
    "random_cnn",
    "random_inputs",
    "random_mlp",
    "random_networks",
    "random_parameters",
    "random_residual_cnn",
    "random_residual_mlp",
    "random_siren",
    "randomise",
    "symmetry_error",
]
