"""Classes of one's own: layers, blocks and whole networks get a reader; what has none is named in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ScaleGMNError, UnsupportedLayerError
from scalegmn.graph import to_graph, to_module, to_parameters
from scalegmn.networks import Activate, Activation, Architecture, Dense, Layer, LayeredArchitecture, Skip, run
from scalegmn.networks.modules import ModulePosition, read_module, register_module_reader
from scalegmn.networks.modules import _registry as module_registry


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module_registry, "_READERS", dict(module_registry._READERS))
    yield


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(3 * self.linear(x))


class Twice(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(super().forward(x))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.down = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.up(x)
        return hidden + self.down(hidden)


class Sine(nn.Module):
    """Of the same name as one of the library."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(2 * x)


class Scaled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def read_block(module: Block, place: ModulePosition) -> Sequence[Layer]:
    return [*place.read({"linear": module.linear}), Activate(Activation("sine", 3.0))]


def read_residual(module: Residual, place: ModulePosition) -> Architecture:
    return LayeredArchitecture(place.read({"up": module.up, "down": module.down}), (Skip(0, 1, 2),))


def check(module: nn.Module) -> Architecture:
    architecture, theta = read_module(module)
    x = torch.randn(4, architecture.num_inputs)
    torch.testing.assert_close(run(architecture, theta[None], x)[0], module(x))
    return architecture


def test_a_block_within_a_network() -> None:
    register_module_reader(Block, read_block)
    architecture = check(nn.Sequential(Block(), Block(), nn.Linear(2, 1)))
    assert [p.name for p in architecture.parameters[:2]] == ["0.linear.weight", "0.linear.bias"]
    assert architecture.describe() == "2-2-2-1 (sine, sine), 15 parameters"


def test_a_block_as_the_whole_network() -> None:
    register_module_reader(Block, read_block)
    module = Block()
    assert [p.name for p in check(module).parameters] == ["linear.weight", "linear.bias"]
    graph = to_graph(module)
    written = to_module(graph, like=module)
    assert isinstance(written, Block)
    assert torch.equal(to_parameters(graph, read_module(module)[0])[0], read_module(written)[1])


def test_a_reader_that_puts_a_dot_behind_the_place() -> None:
    """Right within a network, and understood at its top, where the place has no name."""

    def read(module: Block, place: ModulePosition) -> list[Layer]:
        return [Dense(f"{place.name}.linear", 2, 2), Activate(Activation("sine", 3.0))]

    register_module_reader(Block, read)
    assert check(Block()).parameters[0].name == "linear.weight"
    assert check(nn.Sequential(Block())).parameters[0].name == "0.linear.weight"


def test_skip_connections_at_the_top_and_within() -> None:
    register_module_reader(Residual, read_residual)
    assert check(Residual()).skips == (Skip(0, 1, 2),)
    within = check(nn.Sequential(nn.Linear(3, 2), Residual(), nn.ReLU(), Residual(), nn.Linear(2, 1)))
    assert within.skips == (Skip(1, 2, 2), Skip(3, 4, 2))


def test_hooks_within_a_registered_class_are_still_refused() -> None:
    register_module_reader(Residual, read_residual)
    module = Residual()
    module.up[1].register_forward_hook(lambda *_: None)
    with pytest.raises(UnsupportedLayerError, match=r"layer 'up\.1' \(nn.ReLU\) has a forward hook"):
        read_module(module)


def test_a_class_that_changed_since(monkeypatch: pytest.MonkeyPatch) -> None:
    register_module_reader(Block, read_block)
    monkeypatch.setattr(Block, "forward", lambda self, x: x)
    with pytest.raises(UnsupportedLayerError, match="replaced since its reader was registered"):
        read_module(Block())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "its reader returned None, expected a list of layers"),
        (Dense("linear", 2, 2), "its reader returned Dense.*, expected a list of layers"),
        ([nn.ReLU()], "its reader returned .*ReLU.*, expected a list of layers"),
        ([Dense("", 2, 2)], "a single layer has no name"),
        ([Dense("line", 2, 2)], r"has no parameters|holds more"),
        ([Dense("linear", 2, 2, bias=False)], r"'linear' holds more .*'linear\.bias'"),
    ],
)
def test_a_reader_that_is_wrong(found: object, message: str) -> None:
    register_module_reader(Block, lambda module, place: found)  # type: ignore[arg-type, return-value]
    with pytest.raises(UnsupportedLayerError, match=message):
        read_module(Block())


def test_a_reader_that_fails() -> None:
    register_module_reader(Block, lambda module, place: [module.missing])
    with pytest.raises(
        UnsupportedLayerError, match=r"not built as its reader expects .AttributeError: .*missing"
    ):
        read_module(Block())


def test_a_reader_that_forgets_where_it_is() -> None:
    register_module_reader(Block, lambda module, place: [Dense("linear", 2, 2)])
    with pytest.raises(UnsupportedLayerError, match=r"a name that starts with '0'; write place\.join"):
        read_module(nn.Sequential(Block()))


@pytest.mark.parametrize(
    ("kind", "reader"), [(Block(), read_block), ("Block", read_block), (dict, read_block), (Block, None)]
)
def test_what_cannot_be_registered(kind: object, reader: object) -> None:
    with pytest.raises(ScaleGMNError, match=r"not a class of torch.nn.Module|expected a function"):
        register_module_reader(kind, reader)  # type: ignore[arg-type, type-var]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Block(), r"the module itself \(.*test_registry\.Block\): .*register_module_reader"),
        (Twice(nn.Linear(2, 2)), r"the module itself \(.*Twice\): only nn.Sequential says"),
        (nn.Sequential(nn.Linear(2, 2), Block()), r"layer '1' \(.*Block\): .*describe the network"),
        (nn.ModuleList([nn.Linear(2, 2)]), r"the module itself \(nn.ModuleList\): only nn.Sequential"),
        (
            nn.Sequential(nn.Linear(2, 2), Sine()),
            r"layer '1' .*registry\.Sine is not scalegmn\.networks\.modules\.Sine .*register_module_reader",
        ),
        (nn.Sequential(Scaled(2, 2)), "layer '0' .*a subclass of nn.Linear may compute something else"),
        (nn.LSTM(2, 3), r"the module itself \(nn.LSTM\): recurrent"),
        (nn.Linear(2, 3), r"wrap it in nn\.Sequential"),
    ],
)
def test_classes_without_a_reader(module: nn.Module, message: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=message) as caught:
        read_module(module)
    assert len(str(caught.value)) < 500
