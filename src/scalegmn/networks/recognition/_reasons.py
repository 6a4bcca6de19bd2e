"""Why the network of a file is none of the known ones, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scalegmn.checkpoints import Checkpoint
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition._files_of_programs import has_shapes, missing_from, read_by
from scalegmn.networks.recognition._names import SHOWN, and_more, listed_shapes
from scalegmn.networks.recognition._shapes import Layout, Shape


def nothing_known(own: Mapping[str, Shape]) -> str:
    """No architecture was given to compare with."""
    return (
        f"unknown architecture: its parameters are {listed_shapes(own)}; name the activation of its "
        "hidden layers with --activation, their class with --module, or give a trained run"
    )


def unreadable(known: Sequence[Architecture], state: Checkpoint) -> str | None:
    """Why the program that a file is nearest to does not read it; None where none has its names."""
    programs = [architecture for architecture in known if architecture.as_layers is None]
    refusals = {
        architecture: str(answer)
        for architecture in programs
        if isinstance(answer := read_by(architecture, state), ScaleGMNError)
    }
    fitting = [one for one in refusals if has_shapes(one, state)]
    if fitting or len(set(refusals.values())) == 1:
        return refusals[(fitting or list(refusals))[0]]
    return None if refusals else missing_from(programs, state)


def stranger(
    known: Sequence[Architecture], own: Mapping[str, Shape], said: Architecture | None
) -> str | None:
    """The file says what it is, and that is none of them; None where this does not fit its parameters."""
    if said is None or {p.name: p.shape for p in said.parameters} != own:
        return None
    line = said.describe()
    alike = any(one.describe() == line for one in known)
    why = ": strides, padding, or what else this line leaves out, differ" if alike else ""
    return f"it describes itself as {line}, which is none of the {len(known)} known architectures{why}"


def ambiguous(alike: Mapping[Layout, Sequence[Architecture]], own: Mapping[str, Shape]) -> str | None:
    """Shapes are those of a known one, and it stays open which parameter is which; None for other shapes.

    Args:
        alike: known architectures with these shapes, by names and shapes of parameters.
        own: shapes of the file's tensors.
    """
    for layout, architectures in alike.items():
        return (
            f"the shapes of its parameters {listed_shapes(own)} are those of "
            f"{architectures[0].describe()}, but under unknown names they leave open which is which, or "
            "which way round weights are stored; call them "
            f"{', '.join(name for name, _ in layout[:SHOWN])}{and_more(len(layout))}"
        )
    return None


def foreign(known: Sequence[Architecture], own: Mapping[str, Shape], *, classes: bool) -> str:
    """Shapes are those of none of them.

    Args:
        known: architectures, at least one.
        own: shapes of the file's tensors.
        classes: whether it helps to say of which class the network is.
    """
    shown = "; ".join(a.describe() for a in known[:SHOWN])
    return (
        f"unknown architecture: its parameters {listed_shapes(own)} fit none of the "
        f"known architectures ({shown}{and_more(len(known))})"
        f"{'; say of which class they are with --module, or --program' if classes else ''}"
    )
