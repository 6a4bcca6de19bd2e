"""Which of the detector's architectures a checkpoint is of, by the names and shapes of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from torch import Tensor

from scalegmn.networks.architecture import Architecture
from scalegmn.networks.checkpoints import Checkpoint

# Formats that keep parameters in an order of their own, so that places say nothing about unknown names.
_UNORDERED: Final = (".safetensors",)
_SHOWN: Final = 6

Shape = tuple[int, ...]


@final
@dataclass(frozen=True, eq=False)
class Recognised:
    """A network of a known architecture.

    Attributes:
        architecture: which one.
        names: of the parameters in the architecture, and in the file.
        tensors: the parameters under the names of the architecture.
        notes: what had to be assumed.
    """

    architecture: Architecture
    names: dict[str, str]
    tensors: dict[str, Tensor]
    notes: tuple[str, ...]


@final
@dataclass(frozen=True)
class Unrecognised:
    """Why no single architecture fits."""

    reason: str


def recognise(
    state: Checkpoint, architectures: Sequence[Architecture], *, activation: str | None
) -> Recognised | Unrecognised:
    """Find the one architecture that a checkpoint fits.

    Names and shapes must be those of the architecture, in any order; a prefix that all names have in common,
    such as ``module.``, may be added.  Other names are understood where shapes leave one way only: all shapes
    differ, or the file keeps the order of the parameters and it is that of the architecture.  Where several
    architectures remain, such as networks with ReLU and with tanh, the activation decides: `activation`, or
    the entry ``activation`` or ``architecture`` (a fingerprint) beside the tensors.
    """
    for names, notes in _readings(state, architectures):
        shapes = {name: tuple(state.tensors[own].shape) for name, own in names.items()}
        fitting = [a for a in architectures if _layout(a) == shapes]
        if fitting:
            chosen = _chosen(fitting, state, activation)
            if isinstance(chosen, Unrecognised):
                return chosen
            architecture, more = chosen
            tensors = {name: state.tensors[own] for name, own in names.items()}
            return Recognised(architecture, names, tensors, (*notes, *more))
    return Unrecognised(_unknown(state, architectures))


def _readings(
    state: Checkpoint, architectures: Sequence[Architecture]
) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    """Ways to understand the names of a file: name in the architecture to name in the file, and a note."""
    own = list(state.tensors)
    yield {name: name for name in own}, ()
    for prefix in _prefixes(own):
        yield (
            {name.removeprefix(prefix): name for name in own},
            (f"the prefix {prefix!r} was taken from all names",),
        )
    yield from _by_shape(state, architectures)


def _prefixes(names: Sequence[str]) -> Iterator[str]:
    """Prefixes that all names share and that end with a dot, the shortest first."""
    parts = [name.split(".")[:-1] for name in names]
    for length in range(1, min(map(len, parts)) + 1):
        if len({tuple(part[:length]) for part in parts}) > 1:
            return
        yield ".".join(parts[0][:length]) + "."


def _by_shape(
    state: Checkpoint, architectures: Sequence[Architecture]
) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    """The only way to match other names by shapes, if there is one."""
    own = {name: tuple(tensor.shape) for name, tensor in state.tensors.items()}
    shapes = list(own.values())
    layouts = {tuple((p.name, p.shape) for p in a.parameters) for a in architectures}
    found: list[dict[str, str]] = []
    how = ""
    if len(set(shapes)) == len(shapes):
        how = "their shapes, which are all different"
        place = {shape: name for name, shape in own.items()}
        found = [
            {name: place[shape] for name, shape in layout}
            for layout in layouts
            if sorted(shape for _, shape in layout) == sorted(shapes)
        ]
    elif Path(state.origin).suffix.lower() not in _UNORDERED:
        how = "their shapes in the order of the file"
        found = [
            {name: theirs for (name, _), theirs in zip(layout, own, strict=True)}
            for layout in layouts
            if [shape for _, shape in layout] == shapes
        ]
    if len(found) == 1:
        pairs = ", ".join(f"{theirs!r} as {name!r}" for name, theirs in list(found[0].items())[:_SHOWN])
        more = "" if len(own) <= _SHOWN else f" and {len(own) - _SHOWN} more"
        yield found[0], (f"names are unknown; parameters were told by {how}: {pairs}{more}",)


def _chosen(
    fitting: Sequence[Architecture], state: Checkpoint, activation: str | None
) -> tuple[Architecture, tuple[str, ...]] | Unrecognised:
    """The one of several architectures with the same parameters, and what was assumed."""
    wanted, source = activation, "--activation"
    if activation is None and len(fitting) > 1:
        named = state.extras.get("architecture")
        exact = [a for a in fitting if named in (a.fingerprint, a.describe())]
        if len(exact) == 1:
            return exact[0], (f"the file's entry 'architecture' says {exact[0].describe()}",)
        stated = state.extras.get("activation")
        wanted, source = (stated, "the file's entry 'activation'") if isinstance(stated, str) else (None, "")
    if wanted is not None:
        kinds = [_kinds(a) for a in fitting]
        fitting = [a for a, own in zip(fitting, kinds, strict=True) if own == {wanted}]
        if not fitting:
            known = sorted({", ".join(sorted(own)) for own in kinds})
            return Unrecognised(
                f"{source} says {wanted!r}, but networks with these parameters that the detector was trained "
                f"on have {' or '.join(known)}"
            )
    if len(fitting) > 1:
        shown = "; ".join(a.describe() for a in fitting[:_SHOWN])
        return Unrecognised(
            f"its parameters fit {len(fitting)} of the detector's architectures, which differ in what names "
            f"and shapes do not show ({shown}); say which with --activation, or save the entry "
            "'architecture' with its fingerprint beside the tensors"
        )
    note = f"{source} says {wanted!r}"
    return fitting[0], (note,) if wanted is not None and source != "--activation" else ()


def _kinds(architecture: Architecture) -> set[str]:
    return {stage.activate.activation.kind for stage in architecture.stages[:-1]}


def _layout(architecture: Architecture) -> dict[str, Shape]:
    return {parameter.name: parameter.shape for parameter in architecture.parameters}


def _unknown(state: Checkpoint, architectures: Sequence[Architecture]) -> str:
    own = [f"{name} {tuple(tensor.shape)}" for name, tensor in state.tensors.items()]
    more = f" and {len(own) - _SHOWN} more" if len(own) > _SHOWN else ""
    known = "; ".join(a.describe() for a in architectures[:_SHOWN])
    return (
        f"unknown architecture: its parameters {', '.join(own[:_SHOWN])}{more} fit none of the "
        f"{len(architectures)} architectures that the detector was trained on ({known})"
    )
