"""A message function and a readout from outside: chosen by name, saved, found again, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.networks import Activation, mlp
from scalegmn.nn import (
    MESSAGES,
    READOUTS,
    LastLayerReadout,
    LayerStyle,
    Message,
    MessageFunction,
    Neurons,
    Readout,
    ReadoutNeeds,
    State,
)
from scalegmn.seeding import generator
from scalegmn.shapes import EdgeFeatures, EdgeIntegers, NetworkVectors, NodeFeatures, SquareWeight
from scalegmn.testing import FlatParameters, assert_equivariant, assert_invariant, randomize

NETWORK = mlp(widths=(2, 6, 5, 3), activations=(Activation("relu"), Activation("tanh")))
SPEC = GraphSpec.from_architectures([NETWORK])
THETA = torch.randn(3, NETWORK.num_parameters, dtype=torch.float64, generator=generator(0))


class HalfMessage(MessageFunction):
    """Half of the paper's messages."""

    name = "half"

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__(style=style)
        self.whole = Message(style=style)

    def forward(
        self,
        x: NodeFeatures,
        e: EdgeFeatures,
        edge_weight: SquareWeight,
        encoding: NodeFeatures,
        *,
        sender: EdgeIntegers,
        receiver: EdgeIntegers,
        neurons: Neurons,
    ) -> NodeFeatures:
        return 0.5 * self.whole(
            x, e, edge_weight, encoding, sender=sender, receiver=receiver, neurons=neurons
        )


class TwiceReadout(Readout):
    """Twice what the last layer says."""

    name = "twice"

    def __init__(self, *, spec: GraphSpec, style: LayerStyle) -> None:
        super().__init__(spec=spec, style=style)
        self.once = LastLayerReadout(spec=spec, style=style)
        self.width = self.once.width

    @staticmethod
    def needs(style: LayerStyle) -> ReadoutNeeds:
        return LastLayerReadout.needs(style)

    def forward(self, state: State, neurons: Neurons) -> NetworkVectors:
        return 2 * self.once(state, neurons)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for registry in (MESSAGES, READOUTS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    HalfMessage.register()
    TwiceReadout.register()
    yield


def output_of(model: ScaleGMN, theta: torch.Tensor) -> torch.Tensor:
    return model.predict(NetworkBatch.from_parameters(NETWORK, theta))


@pytest.mark.parametrize("direction", Direction)
def test_they_take_part_and_the_law_is_kept(direction: Direction) -> None:
    config = ModelConfig(features=6, layers=2, direction=direction, message="half", readout="twice")
    model = ScaleGMN(spec=SPEC, outputs=2, config=config).double().eval()
    randomize(model, generator=generator(1))
    networks = FlatParameters(NETWORK, THETA)
    assert_invariant(lambda theta: output_of(model, theta), networks, generator=generator(2))
    # They are what the weights of the paper's parts say, halved and doubled.
    for layer in model.backbone.layers:
        assert isinstance(layer.forward_messages, HalfMessage)
    assert isinstance(model.readout, TwiceReadout)
    plain = ScaleGMN(spec=SPEC, outputs=2, config=ModelConfig(features=6, layers=2, direction=direction))
    weights = {name.replace(".whole", "").replace(".once", ""): v for name, v in model.state_dict().items()}
    plain.double().eval().load_state_dict(weights)
    assert not torch.allclose(output_of(plain, THETA), output_of(model, THETA))


def test_an_editor_with_other_messages_is_equivariant() -> None:
    config = ModelConfig(features=6, layers=2, direction=Direction.bidirectional, message="half")
    model = ScaleGMNEditor(spec=SPEC, config=config).double().eval()
    randomize(model, generator=generator(1))

    def update(theta: torch.Tensor) -> torch.Tensor:
        return model.edit(NetworkBatch.from_parameters(NETWORK, theta)).single[1] - theta

    assert_equivariant(update, FlatParameters(NETWORK, THETA), generator=generator(2))


def test_they_are_saved_by_their_names_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScaleGMN(
        spec=SPEC, outputs=2, config=ModelConfig(features=6, layers=2, message="half", readout="twice")
    ).eval()
    model.save_pretrained(tmp_path)
    again = ScaleGMN.from_pretrained(tmp_path)
    theta = THETA.float()
    assert torch.equal(output_of(again, theta), output_of(model, theta))
    for registry, name, told in (
        (MESSAGES, "half", "message is 'half', expected one of rescale; install the extension"),
        (READOUTS, "twice", "readout is 'twice', expected one of last_layer, full_graph; install"),
    ):
        with monkeypatch.context() as patch:
            patch.delitem(registry._entries, name)  # type: ignore[attr-defined]
            with pytest.raises(ConfigurationError, match=told):
                ScaleGMN.from_pretrained(tmp_path)


@pytest.mark.parametrize("symmetry", [Symmetry.permutation, Symmetry.any_width])
def test_other_models_have_messages_of_their_own(symmetry: Symmetry) -> None:
    with pytest.raises(ConfigurationError, match=f"message is 'half' with the symmetry {symmetry.value}"):
        ModelConfig(message="half", symmetry=symmetry)
