"""The classes of `examples/extension` by themselves: figures by hand, and the law that the model states."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scalegmn.graph import NetworkBatch
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.seeding import generator
from scalegmn.testing import PERMUTATIONS, FlatParameters, assert_invariant, randomize

SOURCE = Path(__file__).parents[1] / "examples" / "extension" / "src"
TANH = Activation("tanh")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package can be imported while a test runs; nothing is registered."""
    monkeypatch.syspath_prepend(str(SOURCE))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "scalegmn_example"]:
        del sys.modules[name]


def test_gain_by_hand() -> None:
    from scalegmn_example.spectral_gain import Norm, log_gain

    architecture = mlp(widths=(2, 2, 1), activations=(TANH,))
    tensors = {
        "0.weight": torch.tensor([[3.0, 0.0], [0.0, 4.0]]),
        "0.bias": torch.ones(2),
        "2.weight": torch.tensor([[0.0, 2.0]]),
        "2.bias": torch.ones(1),
    }
    theta = architecture.flatten(tensors)[None]
    for norm, expected in ((Norm.spectral, 4.0 * 2), (Norm.frobenius, 5.0 * 2)):
        found = 10 ** log_gain(architecture, theta, norm=norm)
        torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float64))


@pytest.mark.parametrize(
    "architecture",
    [
        mlp(widths=(2, 6, 5, 3), activations=(TANH, TANH)),
        cnn(channels=(1, 4, 5), activations=(TANH, TANH), kernel=3),
    ],
    ids=["mlp", "cnn"],
)
def test_model_keeps_the_law_that_it_states_and_no_other(architecture: Architecture) -> None:
    from scalegmn_example.neuron_sets import NeuronSets, NeuronSetsConfig

    model = NeuronSets(layers=3, outputs=2, config=NeuronSetsConfig(width=8)).double()
    randomize(model, generator=generator(0))
    theta = torch.randn(4, architecture.num_parameters, generator=generator(1), dtype=torch.float64)
    networks = FlatParameters(architecture, theta)

    def predict(given: torch.Tensor) -> torch.Tensor:
        return model.predict(NetworkBatch.from_parameters(architecture, given))

    assert_invariant(predict, networks, generator=generator(2), elements=PERMUTATIONS)
    with pytest.raises(AssertionError):
        assert_invariant(predict, networks, generator=generator(2))
