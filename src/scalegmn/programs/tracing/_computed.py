"""Weights that a module computes from others before every pass, as plain effective parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm, _WeightNorm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from scalegmn.errors import ProgramError
from scalegmn.programs import Folding
from scalegmn.programs.foldings import SpectrallyNormalized, Tied, WeightNormalized

from ._places import place

Found: TypeAlias = Mapping[str, Folding]
"""Of one module: by the name of a weight, how it is computed."""
_REMEDY: Final = (
    "(remove_parametrizations of torch.nn.utils.parametrize; remove_weight_norm and remove_spectral_norm of "
    "torch.nn.utils)"
)


def with_plain_weights(module: nn.Module) -> tuple[nn.Module, list[Folding]]:
    """A network that has its computed weights as parameters, and how they come from the state dict.

    Weight norm and spectral norm are known, as hooks and as parametrizations.  Other parametrizations stay
    as they are: what they compute becomes part of the program, and their originals are its parameters.

    Args:
        module: is left as it is; all other tensors are those of the result.

    Raises:
        ProgramError: what a weight is computed from belongs to two layers.
    """
    found = {path: computed for path, part in module.named_modules() if (computed := _computed(part, path))}
    foldings = [folding for computed in found.values() for folding in computed.values()]
    if not foldings:
        return module, []
    tied = _tied(module, {name for folding in foldings for name in folding.files})
    state = dict(_named(module))
    plain = _copied(module)
    for path, part in [(path, plain.get_submodule(path)) for path in found]:
        _strip(part)
        for name, folding in found[path].items():
            with torch.no_grad():
                (value,) = folding.fold(state).values()
            setattr(part, name, nn.Parameter(value))
    return plain, [*tied, *foldings]


def _computed(part: nn.Module, path: str) -> dict[str, Folding]:
    prefix = f"{path}." if path else ""
    found = {hook.name: _HOOKS[type(hook)](hook, f"{prefix}{hook.name}") for hook in _hooks(part)}
    if not parametrize.is_parametrized(part):
        return found
    for name, steps in _steps(part).items():
        kind = _KINDS.get(type(steps[0])) if len(steps) == 1 else None
        # The class of a module is changed for all its parametrizations at once.
        if kind is None or (kind is _spectral and "_u" not in steps[0]._buffers):
            return {}
        found[name] = kind(steps[0], prefix, name)
    return found


def _weight_hook(hook: Any, weight: str) -> Folding:
    return WeightNormalized(length=f"{weight}_g", direction=f"{weight}_v", weight=weight, dim=hook.dim)


def _spectral_hook(hook: Any, weight: str) -> Folding:
    return SpectrallyNormalized(
        matrix=f"{weight}_orig", left=f"{weight}_u", right=f"{weight}_v", weight=weight, dim=hook.dim
    )


def _weight(step: Any, prefix: str, name: str) -> Folding:
    originals = f"{prefix}parametrizations.{name}"
    return WeightNormalized(
        length=f"{originals}.original0",
        direction=f"{originals}.original1",
        weight=f"{prefix}{name}",
        dim=step.dim,
    )


def _spectral(step: Any, prefix: str, name: str) -> Folding:
    originals = f"{prefix}parametrizations.{name}"
    return SpectrallyNormalized(
        matrix=f"{originals}.original",
        left=f"{originals}.0._u",
        right=f"{originals}.0._v",
        weight=f"{prefix}{name}",
        dim=step.dim,
    )


_HOOKS: Final[Mapping[type, Callable[[Any, str], Folding]]] = {
    WeightNorm: _weight_hook,
    SpectralNorm: _spectral_hook,
}
_KINDS: Final[Mapping[type, Callable[[Any, str, str], Folding]]] = {
    _WeightNorm: _weight,
    _SpectralNorm: _spectral,
}


def _hooks(part: nn.Module) -> list[Any]:
    return [hook for hook in part._forward_pre_hooks.values() if type(hook) in _HOOKS]


def _steps(part: nn.Module) -> dict[str, list[nn.Module]]:
    """Parametrizations of a module by the name of the weight."""
    parametrizations = part._modules["parametrizations"]
    assert parametrizations is not None
    return {name: list(steps.children()) for name, steps in parametrizations.named_children()}


def _tied(module: nn.Module, computed: Set[str]) -> list[Folding]:
    """How tensors that weights are computed from come from a state dict that has them under several names.

    Raises:
        ProgramError: two layers share one without being the same layer, and no single weight can be written.
    """
    owners: dict[int, dict[tuple[int, str], str]] = {}
    others: dict[str, list[str]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        own = vars(part)
        for key, value in {**own["_parameters"], **own["_buffers"]}.items():
            name = f"{path}.{key}" if path else key
            places = owners.setdefault(id(value), {})
            first = places.setdefault((id(part), key), name)
            _check_one_layer(list(places.values()), computed, module)
            if first != name and first in computed:
                others.setdefault(first, []).append(name)
    return [Tied(name=first, others=tuple(names)) for first, names in others.items()]


def _check_one_layer(names: Sequence[str], computed: Set[str], module: nn.Module) -> None:
    if len(names) > 1 and not computed.isdisjoint(names):
        raise ProgramError(
            f"{' and '.join(names)} of {place('', type(module).__name__)} are the same tensor in different "
            "layers, from which weights are computed, expected tensors of their own; make the weights plain "
            f"{_REMEDY}"
        )


def _named(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _copied(module: nn.Module) -> nn.Module:
    """A copy of all modules that has the tensors of the original."""
    kept = {id(value): value for part in module.modules() for value in _tensors(part)}
    try:
        return copy.deepcopy(module, kept)
    except Exception as error:
        raise ProgramError(
            f"{place('', type(module).__name__)} computes weights before every pass and cannot be copied: "
            f"{type(error).__name__}; make its weights plain {_REMEDY}"
        ) from error


def _tensors(part: nn.Module) -> Iterator[Tensor]:
    """All tensors that a module holds; recurrent ones have theirs in a list as well."""
    own = vars(part)
    lists = [value for value in own.values() if isinstance(value, (list, tuple))]
    for values in (own.values(), own["_parameters"].values(), own["_buffers"].values(), *lists):
        yield from (value for value in values if isinstance(value, Tensor))


def _strip(part: nn.Module) -> None:
    """Take off what computes the weights of one module, which is a copy."""
    hooks: list[tuple[int, Any]] = list(part._forward_pre_hooks.items())
    for key, hook in hooks:
        if type(hook) in _HOOKS:
            del part._forward_pre_hooks[key]
            vars(part).pop(hook.name, None)
            for suffix in ("_g", "_v", "_orig", "_u"):
                part._parameters.pop(hook.name + suffix, None)
                part._buffers.pop(hook.name + suffix, None)
    if parametrize.is_parametrized(part):
        del part._modules["parametrizations"]
        # PyTorch puts a class of its own, with one property per weight, in front of that of the user.
        part.__class__ = type(part).__bases__[0]
