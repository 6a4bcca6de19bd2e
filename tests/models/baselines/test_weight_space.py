from __future__ import annotations

import pytest
import torch

from scalegmn.errors import GraphError
from scalegmn.models.baselines._weight_space import WeightLayout
from scalegmn.networks import Activate, Activation, Architecture, Conv, LayeredArchitecture
from tests.models.baselines.networks import DEEPER, FLATTENED, RESIDUAL, SIREN, TANH_ZOO, ZOO, batch_of


@pytest.mark.parametrize("architecture", [ZOO, SIREN, RESIDUAL, FLATTENED])
def test_weights_and_biases_are_those_of_the_state_dict(architecture: Architecture) -> None:
    theta = batch_of(architecture).parts[0][1]
    state = architecture.unflatten(theta)
    layout = WeightLayout.from_architecture(architecture)
    weights, neurons = layout.weights(theta), layout.neurons(theta)
    read = 0
    for stage, weight, neuron in zip(architecture.stages, weights, neurons, strict=True):
        name = stage.weighted.name
        assert torch.equal(weight.flatten(1), state[f"{name}.weight"].flatten(1))
        owned = [state[f"{name}.bias"]] if stage.weighted.bias else []
        if stage.activate.name is not None:
            owned.append(state[f"{stage.activate.name}.weight"].expand(-1, stage.weighted.outputs))
        assert neuron.shape == (4, stage.weighted.outputs, len(owned))
        for column, expected in enumerate(owned):
            assert torch.equal(neuron[:, :, column], expected)
        read += 1
    assert read == len(architecture.stages)


def test_flattened_maps_have_one_weight_for_every_place() -> None:
    theta = batch_of(FLATTENED).parts[0][1]
    weight = WeightLayout.from_architecture(FLATTENED).weights(theta)[1]
    assert weight.shape == (4, 4, 3, 25)
    # Channels come first in a flattened map.
    original = FLATTENED.unflatten(theta)["1.weight"]
    assert torch.equal(weight[:, 2, 1], original[:, 2, 25:50])


def test_networks_that_differ_in_activations_share_a_layout() -> None:
    layout = WeightLayout.from_architecture(ZOO)
    assert layout == WeightLayout.from_architecture(TANH_ZOO)
    batch = batch_of(ZOO, TANH_ZOO)
    theta = layout.read(batch, model="This")
    assert torch.equal(theta, torch.cat([part for _, part in batch.parts]))
    with pytest.raises(GraphError, match=r"This reads networks .* 1-4-5-3-4 with 9, 9, 9, 1 weights"):
        layout.read(batch_of(ZOO, DEEPER), model="This")


def test_groups_are_refused() -> None:
    layers = (Conv("0", 2, 4, (3, 3)), Activate(Activation("relu")), Conv("1", 4, 2, (3, 3), groups=2))
    with pytest.raises(GraphError, match=r"'1'.*2 groups"):
        WeightLayout.from_architecture(LayeredArchitecture(layers))
