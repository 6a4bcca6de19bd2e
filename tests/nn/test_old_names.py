"""Weights saved under names of before."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.nn._message import Message
from scalegmn.nn._old_names import load_old_names
from scalegmn.nn._scale_layer import EdgeUpdate, NodeUpdate
from tests.models.cases import networks_of, spec_of
from tests.nn.cases import style_of

LAST = ("weight", "bias")


def old_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names that the first version wrote."""
    pairs = (
        (".io.", ".labelled."),
        (".rescale.sender.", ".sender."),
        ("statistics.standardize.", "statistics.standardise."),
    )
    renamed = {}
    for name, value in state.items():
        for new, old in (*pairs, ("statistics.mlp.", "statistics.perceptron.")):
            name = name.replace(new, old)
        renamed[name] = value
    return renamed


def model_of(symmetry: Symmetry, *, seed: int) -> ScaleGMN:
    config = ModelConfig(
        features=4, layers=2, direction=Direction.bidirectional, symmetry=symmetry, statistics=True
    )
    torch.manual_seed(seed)
    return ScaleGMN(spec=spec_of(networks_of(1)), outputs=2, config=config)


@pytest.mark.parametrize("symmetry", [Symmetry.scaling, Symmetry.permutation])
def test_a_model_of_before(symmetry: Symmetry) -> None:
    saved = model_of(symmetry, seed=0).state_dict()
    old = old_names(saved)
    assert len(old) == len(saved) and old.keys() != saved.keys()
    # Copies, too, and inside of something else.
    for made in (model_of(symmetry, seed=1), copy.deepcopy(model_of(symmetry, seed=1))):
        around = nn.ModuleDict({"net": made})
        around.load_state_dict({f"net.{name}": value for name, value in old.items()}, strict=True)
        found = made.state_dict()
        assert all(torch.equal(found[name], value) for name, value in saved.items())
    assert old.keys() == old_names(saved).keys(), "what is loaded is left as it was"


def test_names_of_before_by_hand() -> None:
    style = style_of()
    own = {
        Message: "sender.weight",
        NodeUpdate: "labelled.of_outputs.mlp.last.bias",
        EdgeUpdate: "invariants.labelled.of_inputs.mlp.first.weight",
    }
    modules = [Message(style=style), NodeUpdate(5, style=style, extras=0), EdgeUpdate(style=style)]
    for module in modules:
        state = old_names({f".{name}": value for name, value in module.state_dict().items()})
        state = {name[1:]: value for name, value in state.items()}
        assert own[type(module)] in state
        module.load_state_dict(state, strict=True)


def test_parameters_stand_in_the_order_of_before() -> None:
    """Optimizers keep their state by the place of a parameter."""
    names = [name for name, _ in Message(style=style_of(plain_io=False)).named_parameters()]
    expected = [
        "rescale.sender.weight",
        "hidden.linear.weight",
        *(f"hidden.invariant.rho.{part}.{last}" for part in ("first", "activate.0", "last") for last in LAST),
        *(f"io.mlp.{part}.{last}" for part in ("first", "activate.0", "last") for last in LAST),
        "io.linear.weight",
    ]
    assert names == expected


def test_other_names_are_errors() -> None:
    message = Message(style=style_of())
    state = message.state_dict()
    state["labeled.mlp.last.bias"] = state.pop("io.mlp.last.bias")
    with pytest.raises(RuntimeError, match=r"(?s)Missing.*io\.mlp\.last\.bias.*Unexpected.*labeled"):
        message.load_state_dict(state)


def test_names_that_a_module_still_has_stay() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sender, self.standardize = nn.Linear(2, 2), nn.Linear(2, 2)
            load_old_names(self)

    own = Own()
    state = {
        name.replace("standardize", "standardise"): value + 1 for name, value in own.state_dict().items()
    }
    own.load_state_dict(state, strict=True)
    assert torch.equal(own.sender.weight, state["sender.weight"])
    assert torch.equal(own.standardize.weight, state["standardise.weight"])
