"""What changes the outputs of a module without showing in its class is refused by name, never read over."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.utils import parametrize, prune

from scalegmn.errors import UnsupportedLayerError
from scalegmn.networks import Activation, mlp
from scalegmn.networks.modules import build_module, read_module, write_module


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU()), nn.Linear(3, 1))


def built() -> nn.Module:
    return build_module(mlp(widths=(2, 3, 1), activations=[Activation("relu")]))


def doubled(*arguments: Any) -> Any:
    return 2 * arguments[-1]


class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def old_style(norm: Callable[[nn.Module], nn.Module], module: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        norm(module)


def replaced(module: nn.Module, name: str) -> None:
    module.__dict__[name] = doubled


def hidden(module: nn.Linear) -> None:
    module.__dict__["weight"] = torch.zeros(3, 2)


def computed(module: nn.Linear) -> None:
    weight = module._parameters.pop("weight")
    assert weight is not None
    module.__dict__["weight"] = weight.detach() * 2


def looped(module: nn.Sequential) -> None:
    module.add_module("3", module)


def sparse(module: nn.Linear) -> None:
    module._parameters["weight"] = nn.Parameter(module.weight.detach().to_sparse())


class Wrapped(nn.Parameter):
    """As packages for quantization and sharding have them."""


def wrapped(module: nn.Linear) -> None:
    module.weight = Wrapped(module.weight.detach())


def tied(module: nn.Sequential) -> None:
    module.add_module("3", nn.Linear(3, 2, bias=False))
    module[3].weight = nn.Parameter(module[0].weight.data.t())


CHANGES: dict[str, tuple[Callable[[nn.Sequential], object], str]] = {
    "forward hook": (
        lambda m: m[0].register_forward_hook(doubled),
        r"layer '0' \(nn.Linear\) has a forward hook \(.*doubled\).*handle\.remove",
    ),
    "with keywords": (
        lambda m: m[1][0].register_forward_hook(doubled, with_kwargs=True, always_call=True),
        r"layer '1\.0' \(nn.ReLU\) has a forward hook",
    ),
    "pre-hook": (
        lambda m: m[1].register_forward_pre_hook(doubled),
        r"layer '1' \(nn.Sequential\) has a forward pre-hook",
    ),
    "of the whole": (lambda m: m.register_forward_hook(doubled), "the module itself .* has a forward hook"),
    "forward": (lambda m: replaced(m[1][0], "forward"), r"layer '1\.0' .*'forward' replaced .*doubled"),
    "call": (lambda m: replaced(m, "__call__"), "the module itself .*'__call__' replaced"),
    "call within": (lambda m: replaced(m[0], "_call_impl"), "layer '0' .*'_call_impl' replaced"),
    "compiled": (lambda m: replaced(m, "_compiled_call_impl"), "itself .*'_compiled_call_impl' replaced"),
    "weight norm": (
        lambda m: old_style(nn.utils.weight_norm, m[0]),
        "layer '0' .* computes 'weight' anew .*remove_weight_norm",
    ),
    "spectral norm": (
        lambda m: old_style(nn.utils.spectral_norm, m[2]),
        "layer '2' .* computes 'weight' anew .*remove_spectral_norm",
    ),
    "pruned": (lambda m: prune.identity(m[0], "bias"), r"layer '0' .* is pruned: 'bias' .*prune\.remove"),
    "parametrized": (
        lambda m: parametrize.register_parametrization(m[0], "weight", Twice()),
        "layer '0' .*parametrization; .*remove_parametrizations",
    ),
    "hidden": (lambda m: hidden(m[0]), "layer '0' .* attribute 'weight' that hides its parameter"),
    "computed": (lambda m: computed(m[0]), r"layer '0' has no parameters \['0\.weight'\]"),
    "buffer": (lambda m: m[1][0].register_buffer("extra", torch.ones(1)), r"layer '1\.0' holds more"),
    "nothing": (lambda m: m.add_module("1", None), "layer '1' is None"),
    "loop": (looped, "layer '3' contains itself"),
    "sparse": (lambda m: sparse(m[0]), "layer '0' .*'weight' has the layout torch.sparse_coo"),
    "other tensors": (lambda m: wrapped(m[0]), "layer '0' .*'weight' is a .*Wrapped, not an ordinary tensor"),
    "without values": (lambda m: m.to("meta"), "layer '0' .*'weight' is on the device 'meta'"),
    "lazy": (lambda m: m.add_module("3", nn.LazyLinear(2)), "layer '3' .*'weight' has no shape yet"),
    "same memory": (tied, "'0.weight' and '3.weight' are the same parameter"),
    "parallel": (lambda m: m.add_module("3", nn.DataParallel(nn.ReLU())), "layer '3' .*attribute 'module'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_refused_by_name(name: str) -> None:
    module = network()
    read_module(module)
    change, message = CHANGES[name]
    change(module)
    with pytest.raises(UnsupportedLayerError, match=message) as caught:
        read_module(module)
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()


def test_nothing_is_written_into_a_module_that_computes_something_else() -> None:
    module = network()
    architecture, theta = read_module(module)
    module[1].register_forward_hook(doubled)
    with pytest.raises(UnsupportedLayerError, match=r"layer '1' .* has a forward hook"):
        write_module(architecture, theta, like=module)


@pytest.mark.parametrize("register", [register_module_forward_hook, register_module_forward_pre_hook])
def test_global_hooks_are_refused(register: Callable[[Callable[..., Any]], Any]) -> None:
    handle = register(doubled)
    try:
        with pytest.raises(UnsupportedLayerError, match=r"a global forward .*hook .*doubled"):
            read_module(network())
    finally:
        handle.remove()
    read_module(network())


@pytest.mark.parametrize(
    ("kind", "name", "method"),
    [
        (nn.ReLU, "forward", nn.Tanh.forward),
        (nn.Linear, "forward", doubled),
        (nn.Sequential, "forward", doubled),
        (nn.Module, "__call__", doubled),
    ],
)
def test_methods_of_classes_are_the_original(
    kind: type, name: str, method: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = network()
    monkeypatch.setattr(kind, name, method)
    with pytest.raises(UnsupportedLayerError, match=rf"nn\.{kind.__name__}\.{name} was replaced"):
        read_module(module)


def test_a_network_has_to_be_what_its_architecture_says() -> None:
    module = built()
    names = [name for name, _ in module.named_children()]
    module.add_module(names[1], nn.Tanh())
    with pytest.raises(UnsupportedLayerError, match=r"Network of 2-3-1 \(relu\).* no longer has the layers"):
        read_module(module)
    module = built()
    module.get_submodule(names[0]).register_forward_hook(doubled)
    with pytest.raises(UnsupportedLayerError, match="has a forward hook"):
        read_module(module)


class Reversed(nn.Sequential):
    def __iter__(self) -> Any:
        return reversed(list(super().__iter__()))


class Louder(nn.Sequential):
    def __call__(self, x: Tensor) -> Tensor:
        return 2 * super().__call__(x)


@pytest.mark.parametrize("kind", [Reversed, Louder])
def test_a_sequential_that_runs_otherwise(kind: type[nn.Sequential]) -> None:
    with pytest.raises(
        UnsupportedLayerError, match=rf"itself \(.*{kind.__name__}\): only nn.Sequential says"
    ):
        read_module(kind(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)))


def test_hooks_that_leave_the_outputs_alone_are_let_pass() -> None:
    module = network()
    architecture, theta = read_module(module)
    module[0].register_full_backward_hook(lambda *_: None)
    module[0].register_full_backward_pre_hook(lambda *_: None)
    module[0].weight.register_hook(lambda gradient: gradient)
    module.register_state_dict_post_hook(lambda _module, state, *_: state.clear())
    assert not module.state_dict()
    again, same = read_module(module)
    assert again == architecture
    assert torch.equal(same, theta)
    written = write_module(architecture, 2 * theta, like=module)
    assert torch.equal(read_module(written)[1], 2 * theta)
