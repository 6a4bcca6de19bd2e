from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.graph import FIELDS, to_graph
from scalegmn.networks import Activation, Architecture, Conv, Skip, WildLayout, run
from scalegmn.seeding import generator
from scalegmn.symmetry import NonZeroScale, SymmetryAction, activation_group
from scalegmn.testing.parameters import random_parameters

PARTS = ("weight", "bias")
MIXED = WildLayout(
    channels=(3, 2, 4, 2, 5),
    kernels=(3, 1, 5, 3, 3),
    activations=("none", "sigmoid", "relu", "gelu", "leaky_relu"),
    residuals=(-1, -1, 0, 1, 0),
)


def of(residuals: tuple[int, ...], *, activation: str = "relu") -> WildLayout:
    depth = len(residuals)
    return WildLayout(
        channels=tuple(2 + number % 3 for number in range(depth)),
        kernels=(3,) * depth,
        activations=(activation,) * depth,
        residuals=residuals,
    )


def by_hand(layout: WildLayout, state: dict[str, Tensor], images: Tensor) -> Tensor:
    """The network as its authors describe it, written without the library."""
    functions = {
        "relu": F.relu,
        "gelu": F.gelu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "leaky_relu": F.leaky_relu,
        "none": lambda x: x,
    }
    outputs: list[Tensor] = []
    x = images
    for i, source in enumerate(layout.residuals):
        weight = state[f"layers.{i}.weight"]
        x = F.conv2d(x, weight, state[f"layers.{i}.bias"], padding=weight.shape[-1] // 2)
        if source >= 0:
            shared = min(outputs[source].shape[1], x.shape[1])
            x = x.clone()
            x[:, :shared] += outputs[source][:, :shared]
        x = functions[layout.activations[i]](x)
        outputs.append(x)
    return F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])


def test_function_is_that_of_the_authors() -> None:
    for layout in (MIXED, of((-1, -1, 0, 0), activation="tanh"), of((-1, 0, 1)), of((-1,))):
        architecture = layout.architecture(inputs=3, outputs=10)
        theta = random_parameters(architecture, 2, generator=generator(0))
        images = torch.randn(3, 3, 8, 7, generator=generator(1), dtype=torch.float64)
        given = run(architecture, theta, images)
        expected = torch.stack([by_hand(layout, architecture.unflatten(row), images) for row in theta])
        torch.testing.assert_close(given, expected, rtol=0, atol=1e-12)


def test_counts() -> None:
    layout = of((-1, -1, 0))
    architecture = layout.architecture(inputs=3, outputs=10)
    assert layout.parameters(inputs=3, outputs=10) == architecture.num_parameters
    # Channels 3-2-3-4, kernels 3 x 3, then 4 x 10.
    macs = 9 * (3 * 2 + 2 * 3 + 3 * 4) * 8 * 5 + 40
    assert layout.macs(inputs=3, outputs=10, image_size=(8, 5)) == macs


def test_architecture() -> None:
    layout = WildLayout(
        channels=(4, 8, 2), kernels=(3, 5, 7), activations=("none", "gelu", "tanh"), residuals=(-1, -1, 0)
    )
    architecture = layout.architecture(inputs=1, outputs=10)
    names = [f"{layer}.{part}" for layer in ("layers.0", "layers.1", "layers.2", "fc") for part in PARTS]
    assert [parameter.name for parameter in architecture.parameters] == names
    convolutions = [layer for layer in architecture.layers if isinstance(layer, Conv)]
    assert [layer.padding for layer in convolutions] == [(1, 1), (2, 2), (3, 3)]
    assert architecture.skips == (Skip(0, 2, 2),)
    assert Architecture.from_dict(architecture.to_dict()) == architecture


def test_identity_has_all_factors_but_zero() -> None:
    """``none`` makes a linear layer, whose neurons may be multiplied by any number but 0."""
    assert activation_group("identity") == NonZeroScale()
    action = SymmetryAction(of((-1, -1), activation="none").architecture(inputs=1, outputs=2))
    assert set(action.groups[1:-2]) == {NonZeroScale()}


def test_tied_neurons_share_their_factor() -> None:
    """What one end of a residual may, the other end may only together with it."""
    free, tied = (of(residuals).architecture(inputs=3, outputs=2) for residuals in ((-1,) * 3, (-1, -1, 0)))
    element = SymmetryAction(free).draw(generator=generator(0), permute=False)
    SymmetryAction(free).check(element)
    with pytest.raises(SymmetryError, match="tie"):
        SymmetryAction(tied).check(element)


def test_graphs_of_mixed_activations() -> None:
    layout = WildLayout(
        channels=(3, 2, 4), kernels=(3, 1, 5), activations=("none", "sigmoid", "relu"), residuals=(-1, -1, 0)
    )
    architecture = layout.architecture(inputs=3, outputs=10)
    graph = to_graph(architecture, torch.zeros(architecture.num_parameters))
    assert {field.name for field in FIELDS} <= set(graph.keys())
    # Signs and scales, none, scales; none for inputs and outputs.
    assert graph.node_group.tolist() == [0] * 3 + [3] * 3 + [0] * 2 + [2] * 4 + [0] * 10
    codes = [Activation(name).properties.code for name in ("identity", "sigmoid", "relu")]
    assert graph.node_activation[3:12].tolist() == [codes[0]] * 3 + [codes[1]] * 2 + [codes[2]] * 4
    # Three constant edges from the first to the third convolution.
    assert (graph.edge_type == 3).sum() == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": (4,)}, "lengths"),
        ({"channels": (4, 0, 4)}, "0 channels"),
        ({"kernels": (3, 2, 3)}, "size 2"),
        ({"activations": ("relu", "relu", "swish")}, "swish"),
        ({"residuals": (-1, -1, 2)}, "residual 2 of layer 2"),
        ({"residuals": (-1, -2, 0)}, "residual -2 of layer 1"),
    ],
)
def test_impossible_layouts(wrong: dict[str, object], message: str) -> None:
    good = {
        "channels": (4, 4, 4),
        "kernels": (3,) * 3,
        "activations": ("relu",) * 3,
        "residuals": (-1, -1, 0),
    }
    with pytest.raises(ArchitectureError, match=message):
        WildLayout(**{**good, **wrong})  # type: ignore[arg-type]
