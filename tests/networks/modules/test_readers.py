"""Each class of module: what is read, and which options are refused and how."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from torch import nn
from torch.nn.utils import parametrizations

from scalegmn.errors import UnsupportedLayerError
from scalegmn.networks import Activate, Activation, Conv, Dense, Dropout, Flatten, Layer, Pool
from scalegmn.networks import Shift as ShiftLayer
from scalegmn.networks.modules import Elementwise, ModulePosition, ShiftModule, Sine, read_module
from scalegmn.networks.modules._registry import can_read, read_leaf


def names(cases: Sequence[tuple[nn.Module, object]]) -> list[str]:
    """Short names for the reports."""
    return [str(module).split("\n")[0] for module, _ in cases]


READ: list[tuple[nn.Module, list[Layer]]] = [
    (nn.Linear(2, 3), [Dense("a.3", 2, 3)]),
    (nn.Linear(2, 3, bias=False), [Dense("a.3", 2, 3, bias=False)]),
    (nn.Conv2d(2, 4, 3), [Conv("a.3", 2, 4, (3, 3))]),
    (
        nn.Conv2d(2, 4, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2), groups=2, bias=False),
        [Conv("a.3", 2, 4, (3, 2), (2, 2), (1, 0), (1, 2), groups=2, bias=False)],
    ),
    (nn.Conv2d(2, 4, (3, 5), padding="same"), [Conv("a.3", 2, 4, (3, 5), padding=(1, 2))]),
    (nn.Conv2d(2, 4, 2, dilation=2, padding="same"), [Conv("a.3", 2, 4, (2, 2), (1, 1), (1, 1), (2, 2))]),
    (nn.Conv2d(2, 4, 2, padding="valid"), [Conv("a.3", 2, 4, (2, 2))]),
    (nn.ReLU(inplace=True), [Activate(Activation("relu"))]),
    (nn.LeakyReLU(0.3), [Activate(Activation("leaky_relu", 0.3))]),
    (nn.PReLU(), [Activate(Activation("prelu"), name="a.3", count=1)]),
    (nn.PReLU(4, init=0.7), [Activate(Activation("prelu"), name="a.3", count=4)]),
    (nn.Tanh(), [Activate(Activation("tanh"))]),
    (nn.Softsign(), [Activate(Activation("softsign"))]),
    (nn.Sigmoid(), [Activate(Activation("sigmoid"))]),
    (nn.GELU(), [Activate(Activation("gelu"))]),
    (nn.SiLU(), [Activate(Activation("silu"))]),
    (nn.ELU(), [Activate(Activation("elu"))]),
    (nn.SELU(), [Activate(Activation("selu"))]),
    (nn.Softplus(), [Activate(Activation("softplus"))]),
    (nn.Softmax(dim=1), [Activate(Activation("softmax"))]),
    (nn.Softmax(dim=-1), [Activate(Activation("softmax"))]),
    (nn.LogSoftmax(dim=-1), [Activate(Activation("log_softmax"))]),
    (nn.Tanhshrink(), [Activate(Activation("tanhshrink"))]),
    (Sine(7.0), [Activate(Activation("sine", 7.0))]),
    (Elementwise(Activation("erf")), [Activate(Activation("erf"))]),
    (ShiftModule(0.5), [ShiftLayer(0.5)]),
    (nn.Identity(), []),
    (nn.Flatten(), []),
    (nn.MaxPool2d(3), [Pool("max", (3, 3), (3, 3))]),
    (nn.MaxPool2d((3, 2), stride=1, padding=1), [Pool("max", (3, 2), (1, 1), (1, 1))]),
    (nn.AvgPool2d(3, stride=(1, 2)), [Pool("average", (3, 3), (1, 2))]),
    (nn.AvgPool2d(3, padding=1), [Pool("average", (3, 3), padding=(1, 1))]),
    (nn.AdaptiveAvgPool2d(1), [Pool("average")]),
    (nn.AdaptiveAvgPool2d((1, 1)), [Pool("average")]),
    (nn.AdaptiveMaxPool2d(1), [Pool("max")]),
    (nn.Dropout(0.25), [Dropout(0.25)]),
    (nn.Dropout1d(0.25), [Dropout(0.25)]),
    (nn.Dropout2d(0.25), [Dropout(0.25)]),
]


@pytest.mark.parametrize(("module", "layers"), READ, ids=names(READ))
def test_what_is_read(module: nn.Module, layers: list[Layer]) -> None:
    assert can_read(module)
    assert read_leaf(module, ModulePosition("a.3", "vectors")).layers == tuple(layers)


def test_flattening_of_maps_and_inputs_is_kept() -> None:
    assert (
        read_leaf(nn.Flatten(), ModulePosition("a", "maps")).layers
        == read_leaf(nn.Flatten(), ModulePosition("a", "inputs")).layers
        == (Flatten(),)
    )


REFUSED: list[tuple[nn.Module, str]] = [
    (nn.Conv2d(1, 1, 3, padding_mode="circular"), "padding_mode='circular'"),
    (nn.Conv2d(1, 1, 2, padding="same"), "padding='same' .* not symmetric"),
    (nn.GELU(approximate="tanh"), "approximate='tanh'"),
    (nn.ELU(alpha=0.5), "alpha=0.5"),
    (nn.Softplus(beta=2.0), "beta=2.0"),
    (nn.Softmax(dim=0), "dim=0"),
    (nn.Softmax(dim=-1), "dim=-1"),
    (nn.LogSoftmax(dim=2), "dim=2"),
    (nn.Flatten(start_dim=2), "start_dim=2"),
    (nn.Flatten(end_dim=2), "end_dim=2"),
    (nn.MaxPool2d(2, dilation=2), "dilation"),
    (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode"),
    (nn.MaxPool2d(2, return_indices=True), "return_indices"),
    (nn.AvgPool2d(2, ceil_mode=True), "ceil_mode"),
    (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
    (nn.AvgPool2d(2, padding=1, count_include_pad=False), "count_include_pad"),
    (nn.AdaptiveAvgPool2d(2), "output_size=2"),
    (nn.AdaptiveMaxPool2d((1, 2)), r"output_size=\(1, 2\)"),
    (nn.AdaptiveMaxPool2d(1, return_indices=True), "return_indices"),
    (nn.BatchNorm2d(1), "normalization layer changes the symmetry .* altogether.*fold a batch"),
    (nn.LayerNorm(3), "normalization layer changes the symmetry"),
    (nn.GroupNorm(1, 1), "normalization layer changes the symmetry"),
    (nn.ReLU6(), "this class is not supported.*Supported are .*nn.Linear, nn.Conv2d.*register_module_reader"),
    (
        nn.Conv1d(1, 1, 3),
        "this class is not supported.*Supported are .*nn.Linear, nn.Conv2d.*register_module_reader",
    ),
    (
        nn.ConvTranspose2d(1, 1, 3),
        "this class is not supported.*Supported are .*nn.Linear, nn.Conv2d.*register_module_reader",
    ),
    (nn.MaxPool2d((2,)), "not built as its reader expects .ValueError"),
    (nn.LSTM(2, 3), "recurrent layers .* example of the input"),
    (parametrizations.weight_norm(nn.Conv2d(1, 1, 3)), "parametrization; .*remove_parametrizations"),
]


@pytest.mark.parametrize(("module", "reason"), REFUSED, ids=names(REFUSED))
def test_what_is_refused(module: nn.Module, reason: str) -> None:
    whole = nn.Sequential()
    whole.add_module("features", nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Conv2d(1, 1, 3), module))
    message = rf"layer 'features.3' \(.*{type(module).__name__}\): .*{reason}"
    with pytest.raises(UnsupportedLayerError, match=message):
        read_module(whole)


@pytest.mark.parametrize("module", [nn.Linear(2, 3), nn.PReLU()])
def test_single_layer_needs_a_sequential(module: nn.Module) -> None:
    with pytest.raises(UnsupportedLayerError, match=r"wrap it in nn\.Sequential"):
        read_module(module)
