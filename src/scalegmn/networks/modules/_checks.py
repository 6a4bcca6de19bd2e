"""What makes a module compute something else than its class says, and is therefore never read over.

A module is read by its class and its options.  Hooks, patched methods, computed or shared parameters change
what it computes and show in neither; each is refused by name.  Hooks of the backward pass and of state dicts
do not change the outputs: they are let pass, and values are taken from the parameters themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module
from torch.nn.parameter import is_lazy
from torch.nn.utils.prune import BasePruningMethod

from scalegmn.errors import UnsupportedLayerError

CALL_PATH: Final = (
    "__call__",
    "_wrapped_call_impl",
    "_call_impl",
    "_slow_forward",
    "forward",
    "__getattr__",
    "__getattribute__",
)
"""The methods that decide what a call of a module computes."""

_PACKAGES: Final = {
    nn.Module.__module__.partition(".")[0]: "nn",
    "scalegmn": "scalegmn.networks.modules",
}


# Wrappers by the name of their class (not every build of PyTorch has all), and what they wrap.
_WRAPPERS: Final = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "FullyShardedDataParallel": "module",
    "AveragedModel": "module",
}


_COMPUTE_WEIGHTS: Final = ("torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm")
"""Where the classes of hooks are that compute a weight from others before every pass."""


def class_name(kind: type) -> str:
    """The name of a class under which a user finds it: ``nn.Linear``, ``mypackage.models.Sine``."""
    short = _PACKAGES["torch"] if getattr(nn, kind.__name__, None) is kind else kind.__module__
    if kind.__module__ == "scalegmn.networks.modules._building":
        short = _PACKAGES["scalegmn"]
    return f"{short}.{kind.__qualname__}"


def position_of(name: str) -> str:
    """How messages call the submodule of this dotted name."""
    return f"layer {name!r}" if name else "the module itself"


def walk(
    module: nn.Module, name: str = "", *, above: tuple[int, ...] = ()
) -> Iterator[tuple[str, nn.Module]]:
    """A module and all below it by dotted name; one that stands in two places comes twice.

    Nothing of the modules is called, so overridden methods have no say.

    Raises:
        UnsupportedLayerError: a module contains itself.
    """
    if isinstance(module, torch.jit.ScriptModule) or "_modules" not in vars(module):
        what = "is compiled (TorchScript); read the module that it was made from"
        if not isinstance(module, torch.jit.ScriptModule):
            what = (
                f"is a {class_name(type(module))} without nn.Module.__init__; call super().__init__() in it"
            )
        raise UnsupportedLayerError(f"{position_of(name)} {what}")
    if id(module) in above:
        raise UnsupportedLayerError(f"{position_of(name)} contains itself; a network has an end")
    yield name, module
    for child_name, child in children(module):
        below = f"{name}.{child_name}" if name else child_name
        if child is None:
            raise UnsupportedLayerError(
                f"{position_of(below)} is None; put nn.Identity() there, or delete it"
            )
        yield from walk(child, below, above=(*above, id(module)))


def children(module: nn.Module) -> list[tuple[str, nn.Module | None]]:
    """Direct children by name."""
    return list(vars(module)["_modules"].items())


def module_state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and lasting buffers under the names of the state dict, past all hooks of state dicts."""
    state: dict[str, Tensor] = {}
    for name, part in walk(module):
        own = vars(part)
        kept = {k: v for k, v in own["_buffers"].items() if k not in own["_non_persistent_buffers_set"]}
        for key, value in {**own["_parameters"], **kept}.items():
            if value is not None:
                state[f"{name}.{key}" if name else key] = value
    return state


def check_plain(module: nn.Module, *, readable: Callable[[nn.Module], bool]) -> None:
    """Refuse whatever changes the outputs without showing in the class or the options of a module.

    Args:
        module: with everything below it.
        readable: whether the class of a module says what it computes, so that it has to be the original.

    Raises:
        UnsupportedLayerError: names what it is, where it is, and what to do.
    """
    check_global_hooks()
    for name, part in walk(module):
        where = f"{position_of(name)} ({class_name(type(part))})"
        _check_wrapper(type(part), where)
        check_values(part, where)
        _check_hooks(part, where)
        _check_instance(part, where)
        if readable(part):
            _check_class(type(part), where)
    check_unshared(module)


def check_unshared(module: nn.Module) -> None:
    """Refuse parameters that stand in two places, or share their memory.

    Raises:
        UnsupportedLayerError: names both places.
    """
    seen: dict[object, str] = {}
    for name, part in walk(module):
        for key, value in vars(part)["_parameters"].items():
            if value is None:
                continue
            mine = f"{name}.{key}" if name else key
            for mark in _marks(value):
                if mark in seen:
                    raise UnsupportedLayerError(
                        f"{seen[mark]!r} and {mine!r} are the same parameter; a network with shared "
                        "parameters has other symmetries, so every layer needs its own (copy.deepcopy the "
                        "layer)"
                    )
                seen[mark] = mine


def _marks(value: Tensor) -> list[object]:
    """What identifies a shared parameter: the object, and the memory of its values."""
    marks: list[object] = [id(value)]
    if not is_lazy(value) and not value.is_meta and value.layout == torch.strided and value.numel():
        marks.append((str(value.device), value.data_ptr()))
    return marks


def check_global_hooks() -> None:
    """Refuse hooks that are registered for all modules.

    Raises:
        UnsupportedLayerError: there is one.
    """
    for kind, hooks in (
        ("forward hook", torch_module._global_forward_hooks),
        ("forward pre-hook", torch_module._global_forward_pre_hooks),
    ):
        for hook in hooks.values():
            raise UnsupportedLayerError(
                f"a global {kind} is registered for all modules ({_shown(hook)}) and may change their "
                "outputs; remove it (handle.remove()) before a network is read"
            )


def _check_wrapper(kind: type[nn.Module], where: str) -> None:
    if kind.__name__ in _WRAPPERS and kind.__module__.startswith("torch."):
        raise UnsupportedLayerError(
            f"{where} wraps the network; pass what it wraps, its attribute {_WRAPPERS[kind.__name__]!r}"
        )


def check_values(module: nn.Module, where: str) -> None:
    """Refuse parameters and buffers of a module that are no ordinary tensors.

    Args:
        module: itself; what is below it is not looked at.
        where: it stands, for messages.

    Raises:
        UnsupportedLayerError: names the tensor, and what to do.
    """
    for key, value in {**vars(module)["_parameters"], **vars(module)["_buffers"]}.items():
        if value is None:
            continue
        if is_lazy(value):
            reason = (
                "has no shape yet; run the network once on an input, which also makes it an ordinary layer"
            )
        elif type(value) not in (nn.Parameter, Tensor):
            reason = (
                f"is a {class_name(type(value))}, not an ordinary tensor (quantized, sharded or otherwise "
                "wrapped); read the network before it was converted, or convert it back"
            )
        elif value.is_meta:
            reason = "is on the device 'meta' and has no values; load the weights first (load_state_dict)"
        elif value.layout != torch.strided:
            reason = f"has the layout {value.layout}; make it dense (to_dense())"
        else:
            continue
        raise UnsupportedLayerError(f"{where}: {key!r} {reason}")


def check_forward(module: nn.Module, where: str) -> None:
    """Refuse hooks and replaced methods of one instance, which no class and no file shows.

    Weights that PyTorch's own hooks compute from others (weight norm, spectral norm) are let pass.

    Args:
        module: itself; what is below it is not looked at.
        where: it stands, for messages.

    Raises:
        UnsupportedLayerError: names what it is, and what to do.
    """
    for kind, key in (("forward pre-hook", "_forward_pre_hooks"), ("forward hook", "_forward_hooks")):
        for hook in (vars(module).get(key) or {}).values():
            if type(hook).__module__ not in _COMPUTE_WEIGHTS:
                raise UnsupportedLayerError(f"{where} {_what_hook(kind, hook)}")
    for name in CALL_PATH:
        own = vars(module).get(name)
        if own is not None and type(module).__name__ not in _WRAPPERS:
            raise UnsupportedLayerError(
                f"{where} has its {name!r} replaced on this instance ({_shown(own)}); undo it (del "
                f"module.{name}), or write a class whose forward does it"
            )


def _check_hooks(module: nn.Module, where: str) -> None:
    for kind, key in (("forward pre-hook", "_forward_pre_hooks"), ("forward hook", "_forward_hooks")):
        for hook in (vars(module).get(key) or {}).values():
            raise UnsupportedLayerError(f"{where} {_what_hook(kind, hook)}")


def _what_hook(kind: str, hook: Any) -> str:
    owner = type(hook)
    if isinstance(hook, BasePruningMethod):
        return (
            f"is pruned: {hook._tensor_name!r} is multiplied by a mask before every pass; make the zeros "
            "permanent with torch.nn.utils.prune.remove"
        )
    if owner.__module__ in _COMPUTE_WEIGHTS:
        remedy = "remove_spectral_norm" if owner.__name__ == "SpectralNorm" else "remove_weight_norm"
        return (
            f"computes {hook.name!r} anew before every pass ({owner.__name__}); make it plain with "
            f"torch.nn.utils.{remedy}"
        )
    return (
        f"has a {kind} ({_shown(hook)}), which may change what it computes; remove it before the network is "
        "read (handle.remove(), what register_forward_hook returned), and register it again afterwards if "
        "it only looks"
    )


def _check_instance(module: nn.Module, where: str) -> None:
    """Attributes of the instance that hide a method, a parameter or a submodule of the same name."""
    own = vars(module)
    for name in CALL_PATH:
        if name in own:
            raise UnsupportedLayerError(
                f"{where} has its {name!r} replaced on this instance ({_shown(own[name])}); undo it (del "
                f"module.{name}), or make it a class of its own with register_module_reader"
            )
    compiled = own.get("_compiled_call_impl")
    if compiled is not None and getattr(compiled, "_torchdynamo_orig_callable", None) != module._call_impl:
        raise UnsupportedLayerError(
            f"{where} has its '_compiled_call_impl' replaced ({_shown(compiled)}) by something that "
            "torch.compile did not make from it; read the network without it"
        )
    for key in (*own["_parameters"], *own["_buffers"], *own["_modules"]):
        if key in own or any(key in vars(owner) for owner in type(module).__mro__):
            raise UnsupportedLayerError(
                f"{where} has an attribute {key!r} that hides its parameter or submodule of that name; "
                "delete it, so that what is read is what runs"
            )


def _check_class(kind: type[nn.Module], where: str) -> None:
    """Whether the methods of PyTorch's classes are still PyTorch's."""
    for name in CALL_PATH:
        owner = next(c for c in (*kind.__mro__, object) if name in vars(c) or c is object)
        method = inspect.getattr_static(owner, name, None)
        if owner is object or not owner.__module__.startswith("torch."):
            continue
        code, scope = getattr(method, "__code__", None), getattr(method, "__globals__", {})
        mine = code is not None and code.co_qualname.startswith((f"{owner.__qualname__}.", "_forward_unimpl"))
        if not mine or scope.get("__name__") != owner.__module__:
            raise UnsupportedLayerError(
                f"{where}: {class_name(owner)}.{name} was replaced ({_shown(method)}), for all modules of "
                "that class; restore it before a network is read"
            )


def call_path(kind: type[nn.Module], *, more: tuple[str, ...] = ()) -> Mapping[str, object]:
    """The methods that decide what a call computes, as they are at this moment."""
    return {name: inspect.getattr_static(kind, name, None) for name in (*CALL_PATH, *more)}


def _shown(value: object) -> str:
    """A short name for a function or an object."""
    kind = type(value)
    module = getattr(value, "__module__", None) or kind.__module__
    name = getattr(value, "__qualname__", None)
    text = f"{module}.{name}" if isinstance(name, str) else f"a {class_name(kind)}"
    return text if len(text) <= 80 else f"{text[:77]}..."
