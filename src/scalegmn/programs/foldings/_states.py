"""State dicts of files as effective parameters of a program, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from scalegmn.errors import ProgramError
from scalegmn.printable import printable
from scalegmn.programs import EffectiveParameter, Folding, Program


def fold(program: Program, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Effective parameters of a network.

    Args:
        program: the network.
        state: its state dict, with parameters and buffers by name; names that the program does not use are
            ignored.

    Returns:
        All parameters of the program, by name.

    Raises:
        ProgramError: a tensor is missing, has another shape, or holds no real numbers.
    """
    tensors = _folded(program, state)
    for parameter in program.parameters:
        shape = tuple(tensors[parameter.name].shape)
        if shape != parameter.type.shape:
            raise ProgramError(
                f"the tensor {parameter.name} has shape {shape}, expected {parameter.type.shape}; give the "
                "state dict of the network that was traced"
            )
        _check_real(parameter, tensors[parameter.name])
    return {parameter.name: tensors[parameter.name] for parameter in program.parameters}


def shapes_in(program: Program, state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes that the effective parameters of a state dict have, be it of the program or of other widths.

    Args:
        program: of a network.
        state: as :func:`fold` reads it, or the effective parameters themselves.

    Raises:
        ProgramError: a tensor is missing.
    """
    names = [parameter.name for parameter in program.parameters]
    tensors = state if state.keys() == set(names) else _folded(program, state)
    return {name: tuple(tensors[name].shape) for name in names}


def _folded(program: Program, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    tensors = dict(state)
    for folding in program.foldings:
        _require(folding.required, tensors)
        with _fitting(folding):
            made = folding.fold(tensors)
        for name in folding.files:
            tensors.pop(name, None)
        tensors.update(made)
    _require([parameter.name for parameter in program.parameters], tensors)
    return tensors


def unfold(
    program: Program, effective: Mapping[str, Tensor], *, like: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The state dict that is folded to given effective parameters.

    Args:
        program: the network.
        effective: its parameters.
        like: a state dict of it: names, dtypes, and the tensors that the program does not use.

    Returns:
        Tensors of the names of ``like``, in its order.  Where parameters are those of ``like``, its tensors
        are returned, bit by bit.

    Raises:
        ProgramError: no state dict says this, or parameters are missing.
    """
    _require(
        [parameter.name for parameter in program.parameters], effective, of="the set of effective parameters"
    )
    tensors = dict(effective)
    before = _before_foldings(program, like)
    for folding, (file, made) in zip(reversed(program.foldings), reversed(before), strict=True):
        with _fitting(folding):
            # What nobody changed stays as it is in the file, to the bit: folding and unfolding round.
            same = all(_same(tensors[name], value) for name, value in made.items())
            written = file if same else folding.unfold(tensors, like)
        for name in folding.effective:
            del tensors[name]
        tensors.update(written)
    return {name: tensors.get(name, value).to(value.dtype) for name, value in like.items()}


def _before_foldings(
    program: Program, state: Mapping[str, Tensor]
) -> list[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """For every folding: the tensors of a file that it replaces, and what it puts in their place."""
    tensors, found = dict(state), []
    for folding in program.foldings:
        _require(folding.required, tensors, of="the state dict to write into")
        with _fitting(folding):
            made = folding.fold(tensors)
        found.append(({name: tensors.pop(name) for name in folding.files if name in tensors}, made))
        tensors.update(made)
    return found


def _same(given: Tensor, own: Tensor) -> bool:
    return torch.equal(given, own.to(given))


@contextmanager
def _fitting(folding: Folding) -> Iterator[None]:
    """Say in a sentence that tensors do not fit; programs and state dicts may be anybody's."""
    try:
        yield
    except (RuntimeError, IndexError, KeyError) as error:
        words = printable(str(error).strip().partition("\n")[0], limit=160)
        raise ProgramError(
            f"{' and '.join(folding.files)} do not fit each other, {type(error).__name__}: {words}; expected "
            "tensors of the network that was traced; give the state dict of that network"
        ) from error


def _check_real(parameter: EffectiveParameter, tensor: Tensor) -> None:
    if parameter.type.is_floating and not tensor.is_floating_point():
        raise ProgramError(
            f"the tensor {parameter.name} has dtype {tensor.dtype}, expected real numbers; give the state "
            "dict of the network that was traced, not quantized"
        )


def _require(names: Iterable[str], tensors: Mapping[str, Tensor], *, of: str = "the state dict") -> None:
    missing = [name for name in names if name not in tensors]
    if not missing:
        return
    prefixes = {name.removesuffix(missing[0]) for name in tensors if name.endswith(f".{missing[0]}")}
    found = f", but has it behind {printable(min(prefixes))}; take that off" if prefixes else ""
    raise ProgramError(
        f"{of} lacks {', '.join(missing[:5])}{' and more' if len(missing) > 5 else ''}, "
        f"expected all parameters of the network that was traced"
        f"{found or '; give the state dict of that network'}"
    )
