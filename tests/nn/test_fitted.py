"""A training without constants of training networks is not silent."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import pytest
import torch

from scalegmn.errors import UnfittedWarning
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import Metanetwork, ModelConfig, Predictor, ScaleGMN, ScaleGMNEditor
from scalegmn.models.baselines import NFN, FlatMLP, FlatMLPConfig, NFNConfig, StatNNConfig, StatNNMLP
from scalegmn.networks import siren

NETWORK = siren(widths=(2, 4, 1))
SPEC, SMALL = GraphSpec.from_architectures([NETWORK]), ModelConfig(features=4, layers=1)
MODELS: dict[str, Callable[[], Metanetwork]] = {
    "scalegmn": lambda: ScaleGMN(spec=SPEC, outputs=2, config=SMALL),
    "editor": lambda: ScaleGMNEditor(spec=SPEC, config=SMALL),
    "flat_mlp": lambda: FlatMLP(parameters=NETWORK.num_parameters, outputs=2, config=FlatMLPConfig()),
    "nfn": lambda: NFN(architecture=NETWORK, outputs=2, config=NFNConfig(channels=2, layers=1)),
    "statnn_mlp": lambda: StatNNMLP.from_architectures(
        [NETWORK], outputs=2, config=StatNNConfig(hidden=(4,))
    ),
}


@pytest.fixture
def batch() -> NetworkBatch:
    generator = torch.Generator().manual_seed(0)
    return NetworkBatch.from_parameters(NETWORK, torch.randn(6, NETWORK.num_parameters, generator=generator))


@pytest.fixture(params=MODELS, ids=str)
def model(request: pytest.FixtureRequest) -> Metanetwork:
    return MODELS[request.param]()


def step(model: Metanetwork, batch: NetworkBatch) -> list[str]:
    """The warnings of a forward pass."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.predict(batch) if isinstance(model, Predictor) else model.edit(batch)  # type: ignore[attr-defined]
    return [str(one.message) for one in told if issubclass(one.category, UnfittedWarning)]


def test_the_first_step_of_a_training_warns_once(model: Metanetwork, batch: NetworkBatch) -> None:
    assert any("call model.fit_scale(batch)" in text for text in step(model, batch))
    assert not step(model, batch)


def test_nothing_is_said_of_fitted_models_and_their_copies(model: Metanetwork, batch: NetworkBatch) -> None:
    model.fit_scale(batch)
    loaded = copy.deepcopy(model)
    loaded.load_state_dict(model.state_dict())
    assert not step(model, batch) and not step(loaded, batch)


def test_nothing_is_said_outside_of_trainings(model: Metanetwork, batch: NetworkBatch) -> None:
    with torch.no_grad():
        assert not step(model, batch)
    assert not step(model.eval(), batch)


def test_constants_that_are_one_by_nature_are_fitted(batch: NetworkBatch) -> None:
    """Biases that no training touched do not differ."""
    theta = batch.theta.clone()
    for parameter in NETWORK.parameters:
        if parameter.name.endswith("bias"):
            theta[:, parameter.start : parameter.stop] = 0
    model = MODELS["nfn"]()
    model.fit_scale(NetworkBatch.from_parameters(NETWORK, theta))
    assert not step(model, NetworkBatch.from_parameters(NETWORK, theta))
