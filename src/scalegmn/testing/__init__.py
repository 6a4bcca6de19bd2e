"""Tools for testing metanetworks: random networks, random weights, and checks of symmetry.

For users as much as for the library's own tests; nothing in the library imports it. A metanetwork from
anywhere is checked in three lines, whatever form of networks it reads::

    networks = WeightLists.random((2, 16, 16, 1), activations="relu", generator=generator(0))
    report = assert_invariant(model, networks, generator=generator(1))  # called as model(weights, biases)
    print(report)

``docs/testing.md`` shows all of it.
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
from scalegmn.testing.assertions import (
    TOLERANCES,
    assert_equivariant,
    assert_invariant,
    symmetry_error,
)
from scalegmn.testing.elements import PERMUTATIONS, Elements
from scalegmn.testing.forms import FlatParameters, Graphs
from scalegmn.testing.parameters import (
    input_shape,
    random_inputs,
    random_networks,
    random_parameters,
    randomize,
)
from scalegmn.testing.report import SymmetryReport
from scalegmn.testing.samples import ModelLaw, SampleNetworks
from scalegmn.testing.state_dicts import Modules, StateDicts
from scalegmn.testing.weight_lists import WeightLists

__all__ = [
    "ELEMENTWISE",
    "PERMUTATIONS",
    "TOLERANCES",
    "Elements",
    "FlatParameters",
    "Graphs",
    "ModelLaw",
    "Modules",
    "SampleNetworks",
    "StateDicts",
    "SymmetryReport",
    "WeightLists",
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
    "randomize",
    "symmetry_error",
]
