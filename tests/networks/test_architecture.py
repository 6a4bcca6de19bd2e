"""Architectures: parameters in one flat vector, plain data, and what does not fit together."""

from __future__ import annotations

import copy
import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scalegmn.errors import ArchitectureError, CheckpointError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayeredArchitecture,
    Pool,
    Shift,
    Skip,
    siren,
)

RELU = Activate(Activation("relu"))


def everything() -> Architecture:
    """One of every kind of layer, and skips."""
    return LayeredArchitecture(
        (
            Pool("average", (2, 2)),
            Conv("a.0", 1, 4, (3, 3), padding=(1, 1)),
            Activate(Activation("prelu"), name="a.1", count=4),
            Dropout(0.25),
            Conv("a.2", 4, 4, (3, 3), padding=(2, 2), dilation=(2, 2), groups=2, bias=False),
            RELU,
            Pool("max"),
            Flatten((1, 1)),
            Dense("b", 4, 3),
            Activate(Activation("sine", 30.0)),
            Dense("c", 3, 2),
            Shift(0.5),
        ),
        (Skip(0, 1, 4), Skip(1, 2, 3), Skip(2, 3, 2)),
    )


def state_of(architecture: Architecture, *batch: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {p.name: torch.randn(*batch, *p.shape, generator=generator) for p in architecture.parameters}


def test_parameters_follow_each_other() -> None:
    parameters = everything().parameters
    assert [(p.name, p.shape) for p in parameters] == [
        ("a.0.weight", (4, 1, 3, 3)),
        ("a.0.bias", (4,)),
        ("a.1.weight", (4,)),
        ("a.2.weight", (4, 2, 3, 3)),
        ("b.weight", (3, 4)),
        ("b.bias", (3,)),
        ("c.weight", (2, 3)),
        ("c.bias", (2,)),
    ]
    assert parameters[0].start == 0
    assert all(before.stop == after.start for before, after in pairwise(parameters))
    assert everything().num_parameters == parameters[-1].stop == 36 + 4 + 4 + 72 + 12 + 3 + 6 + 2
    assert everything().parameter("b.bias") == parameters[5]
    assert (everything().num_inputs, everything().num_outputs) == (1, 2)


def test_unknown_parameter() -> None:
    with pytest.raises(ArchitectureError, match=r"no parameter 'd.weight'; there are \['a.0.weight'"):
        everything().parameter("d.weight")


@pytest.mark.parametrize("batch", [(), (5,), (2, 3), (0,)])
def test_flatten_and_back(batch: tuple[int, ...]) -> None:
    architecture = everything()
    state = state_of(architecture, *batch)
    theta = architecture.flatten(state)
    assert theta.shape == (*batch, architecture.num_parameters)
    back = architecture.unflatten(theta)
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_flatten_copies_and_detaches() -> None:
    architecture = siren(widths=(2, 1))
    state = {name: value.requires_grad_() for name, value in state_of(architecture).items()}
    theta = architecture.flatten(state)
    theta += 1
    assert not theta.requires_grad
    assert not torch.equal(theta, architecture.flatten(state))


def test_unflatten_gives_views() -> None:
    architecture = everything()
    theta = torch.zeros(architecture.num_parameters)
    architecture.unflatten(theta)["b.bias"].fill_(1)
    assert theta.sum() == 3


@pytest.mark.parametrize(
    ("given_dtype", "dtype"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_precision(given_dtype: torch.dtype, dtype: torch.dtype) -> None:
    state = {name: value.to(given_dtype) for name, value in state_of(everything()).items()}
    assert everything().flatten(state).dtype == dtype


def read_only(array: np.ndarray) -> np.ndarray:
    """As memory-mapped files are."""
    array.flags.writeable = False
    return array


def test_numpy_arrays_will_do() -> None:
    state = {name: read_only(value.numpy()) for name, value in state_of(everything()).items()}
    assert torch.equal(everything().flatten(state), everything().flatten(state_of(everything())))


def damaged(name: str, value: Tensor | None) -> dict[str, Tensor]:
    state = state_of(everything())
    if value is None:
        del state[name]
    else:
        state[name] = value
    return state


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("b.bias", None, r"missing \['b.bias'\], unexpected \[\]"),
        ("z", torch.zeros(1), r"missing \[\], unexpected \['z'\]"),
        ("b.bias", torch.zeros(4), r"'b.bias' has shape \(4,\), expected \(3,\)"),
        ("b.weight", torch.zeros(4, 3), r"'b.weight' has shape \(4, 3\), expected \(3, 4\)"),
        ("b.weight", torch.zeros(12), r"'b.weight' has shape \(12,\)"),
        ("b.bias", torch.zeros(()), r"'b.bias' has shape \(\)"),
        (
            "b.bias",
            torch.tensor([1.0, torch.nan, torch.inf]),
            "'b.bias' holds 2 values that are NaN or infinite",
        ),
        ("b.bias", torch.ones(3, dtype=torch.long), "'b.bias' has dtype torch.int64"),
        ("b.bias", torch.zeros(7, 3), r"batch dimensions .* differ: .*'b.bias': \(7,\)"),
    ],
)
def test_state_that_does_not_fit(name: str, value: Tensor | None, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        everything().flatten(damaged(name, value), origin="net.pt")
    assert str(caught.value).startswith("net.pt: ")


def test_vector_that_does_not_fit() -> None:
    with pytest.raises(ArchitectureError, match=r"a vector of 7 parameters does not fit .* which has 139"):
        everything().unflatten(torch.zeros(7))


def test_plain_data_and_back() -> None:
    architecture = everything()
    back = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert back == architecture
    assert hash(back) == hash(architecture)
    assert back.fingerprint == architecture.fingerprint
    assert back.to_dict() == architecture.to_dict()


def test_copies_are_equal() -> None:
    architecture = everything()
    assert architecture.num_parameters == 139  # fill the caches before copying
    assert copy.deepcopy(architecture) == pickle.loads(pickle.dumps(architecture)) == architecture


@given(frequency=st.floats(1, 100), widths=st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_plain_data_and_back_for_any_siren(frequency: float, widths: list[int]) -> None:
    architecture = siren(widths=widths, frequency=frequency)
    back = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert back == architecture
    assert back.fingerprint == architecture.fingerprint


def test_fingerprint_is_stable_and_tells_apart() -> None:
    # Written to disk by populations: a change of this value is a change of format.
    assert siren().fingerprint == siren(frequency=30.0, shift=0.5).fingerprint == FINGERPRINT
    others = [
        siren(frequency=31.0),
        siren(shift=0.25),
        siren(widths=(2, 32, 1)),
        siren(names=("a", "b", "c")),
    ]
    assert len({FINGERPRINT, *(other.fingerprint for other in others)}) == 5


FINGERPRINT = "c1d9c92542bf"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "'layers'"),
        ({"layers": [{"type": "recurrent"}]}, "unknown layer type 'recurrent'; known are .*'conv'"),
        ({"layers": [{"name": "a"}]}, "'type'"),
        ({"layers": [{"type": "dense", "name": "a", "inputs": 1, "width": 2}]}, "width"),
        ({"layers": [{"type": "activate", "activation": {"kind": "no"}}]}, "unknown activation 'no'"),
        ({"layers": 3}, "not the description of an architecture"),
    ],
)
def test_plain_data_that_is_no_architecture(data: dict[str, object], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        Architecture.from_dict(data)


CONV = Conv("c", 1, 2, (3, 3))
BAD: list[tuple[list[Layer], str]] = [
    ([], "at least one"),
    ([RELU], "at least one"),
    ([Dense("a", 2, 3), Dense("b", 4, 1)], "'b' takes 4 inputs, but 'a' before it gives 3"),
    ([Dense("a", 2, 3), Dense("a", 3, 1)], "same name"),
    ([Dense("a", 2, 3), RELU, RELU, Dense("b", 3, 1)], "2 activations follow 'a'"),
    ([Dense("a", 2, 3), Shift(1.0), Dense("b", 3, 1)], "a shift behind 'a'"),
    ([RELU, Dense("a", 2, 3)], "before the first weighted layer"),
    ([Shift(-0.5), Dense("a", 2, 3)], "before the first weighted layer"),
    ([CONV, Dense("a", 2, 3)], "'a' reads feature maps; put a Flatten before it"),
    ([Dense("a", 2, 1), CONV], "what arrives is a vector"),
    ([Flatten(), CONV], "what arrives is a vector"),
    ([CONV, Flatten(), Pool("max"), Dense("a", 2, 3)], "what arrives is a vector"),
    ([Dense("a", 2, 3), Pool("max")], "what arrives is a vector"),
    (
        [CONV, Flatten((2, 3)), Dense("a", 8, 3)],
        r"takes 8 inputs, but 'c' .* gives 2, .* maps of size \(2, 3\)",
    ),
    ([CONV, Flatten(), Dense("a", 7, 3)], "takes 7 inputs, but 'c' .* gives 2"),
    (
        [Dense("a", 2, 3), Activate(Activation("prelu"), name="p", count=2)],
        "'p' has 2 slopes for the 3 neurons",
    ),
]


@pytest.mark.parametrize(("layers", "message"), BAD, ids=[message for _, message in BAD])
def test_layers_that_do_not_fit_together(layers: list[Layer], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        LayeredArchitecture(tuple(layers))


def mlp_of(*widths: int) -> tuple[Layer, ...]:
    return tuple(Dense(str(i), m, n) for i, (m, n) in enumerate(pairwise(widths)))


@pytest.mark.parametrize(
    "skip",
    [Skip(0, 0, 1), Skip(1, 0, 1), Skip(-1, 1, 1), Skip(0, 3, 1), Skip(0, 2, 0), Skip(0, 2, 4)],
    ids=str,
)
def test_skips_that_do_not_fit(skip: Skip) -> None:
    assert LayeredArchitecture(mlp_of(2, 3, 4, 5), (Skip(0, 2, 3),)).skips
    with pytest.raises(ArchitectureError, match="Skip"):
        LayeredArchitecture(mlp_of(2, 3, 4, 5), (skip,))


def test_skip_from_a_map_to_a_vector() -> None:
    layers = (CONV, RELU, Flatten(), Dense("a", 8, 2))
    with pytest.raises(ArchitectureError, match="the maps of 'c' to the vector of 'a'"):
        LayeredArchitecture(layers, (Skip(0, 1, 2),))
    one_by_one = (CONV, RELU, Pool("average"), Flatten(), Dense("a", 2, 2))
    assert LayeredArchitecture(one_by_one, (Skip(0, 1, 2),)).skips


def test_layers_that_contradict_themselves() -> None:
    with pytest.raises(ArchitectureError, match="3 inputs and 4 outputs, which 2 groups do not divide"):
        Conv("c", 3, 4, (1, 1), groups=2)
    with pytest.raises(ArchitectureError, match="'mean' is neither"):
        Pool("mean")
    with pytest.raises(ArchitectureError, match="'tanh' cannot have a learned number"):
        Activate(Activation("tanh"), name="p", count=1)
    with pytest.raises(ArchitectureError, match="a name and a positive count, or neither"):
        Activate(Activation("prelu"), name="p")
    with pytest.raises(ArchitectureError, match="a name and a positive count, or neither"):
        Activate(Activation("prelu"), count=3)


def test_stages() -> None:
    architecture = everything()
    assert architecture.leading == (Pool("average", (2, 2), (2, 2)),)
    assert [stage.weighted.name for stage in architecture.stages] == ["a.0", "a.2", "b", "c"]
    assert [stage.activate.activation.kind for stage in architecture.stages] == [
        "prelu",
        "relu",
        "sine",
        "identity",
    ]
    assert [stage.max_pooled for stage in architecture.stages] == [False, True, False, False]


def test_description() -> None:
    assert everything().describe() == "1-4-4-3-2 (prelu, relu, sine, 3 skips), 139 parameters"
    assert siren().describe() == "2-32-32-1 (sine, sine), 1185 parameters"
    assert siren(widths=(2, 1)).describe() == "2-1 (one layer), 3 parameters"


def test_tensors_without_values_are_refused() -> None:
    network = LayeredArchitecture((Dense("0", 2, 3),))
    state = {p.name: torch.empty(p.shape, device="meta") for p in network.parameters}
    with pytest.raises(CheckpointError, match="'meta' and has no values"):
        network.flatten(state)
