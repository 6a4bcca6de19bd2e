"""Which of several architectures with the same parameters a network has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from scalegmn.networks import Architecture, activation_kinds
from scalegmn.networks.recognition._names import SHOWN
from scalegmn.networks.recognition._outcome import Match, Unrecognized
from scalegmn.networks.recognition._stated import DESCRIPTION, FINGERPRINT, StatedArchitecture
from scalegmn.networks.recognition._variants import RequestedActivations, meaning, rename_parameters

_OPTION: Final = "--activation"


@final
@dataclass(frozen=True, eq=False)
class Choice:
    """The one that was chosen.

    Attributes:
        match: the network.
        notes: what decided.
        known: whether it is one of the candidates, and not one of them with other activations.
    """

    match: Match
    notes: tuple[str, ...] = ()
    known: bool = True


def choose(
    candidates: Sequence[Match],
    *,
    stated: StatedArchitecture,
    wanted: RequestedActivations | None,
    text: str,
    beyond: bool,
) -> Choice | Unrecognized:
    """The one network that names and shapes, the user and the file agree on.

    The user has the first word, then the file's fingerprint, then its activation.  What contradicts a single
    candidate counts as much as what decides between several.

    Args:
        candidates: networks with these parameters, at least one.
        stated: what the file says.
        wanted: what the user says about activations.
        text: the user's words.
        beyond: whether candidates may be taken with other activations.
    """
    found = _distinct(candidates)
    if wanted is not None:
        return _by_activation(found, wanted, f"{_OPTION} says {text!r}", stated, beyond=beyond, silent=True)
    if stated.problem is not None:
        return Unrecognized(stated.problem)
    if stated.fingerprint is not None:
        return _by_fingerprint(found, stated, beyond=beyond)
    if stated.line is not None:
        exact = [one for one in found if one.architecture.describe() == stated.line]
        if len(exact) == 1:
            return Choice(exact[0], _told(found, f"the file's entry {FINGERPRINT!r} says {stated.line}"))
    if stated.activation is not None:
        source = f"the file's entry 'activation' says {str(stated.activation_text)[:80]!r}"
        return _by_activation(found, stated.activation, source, stated, beyond=beyond, silent=False)
    return Choice(found[0]) if len(found) == 1 else Unrecognized(_open(found))


def _distinct(candidates: Sequence[Match]) -> list[Match]:
    """Candidates that differ in more than names."""
    found: dict[Architecture, Match] = {}
    for one in candidates:
        found.setdefault(meaning(one.architecture), one)
    return list(found.values())


def _told(found: Sequence[Match], note: str) -> tuple[str, ...]:
    """A note about what decided, where there was something to decide."""
    return (note,) if len(found) > 1 else ()


def _by_activation(
    found: Sequence[Match],
    wanted: RequestedActivations,
    source: str,
    stated: StatedArchitecture,
    *,
    beyond: bool,
    silent: bool,
) -> Choice | Unrecognized:
    fitting = [one for one in found if wanted.fits(one.architecture)]
    named = [one for one in fitting if _has_fingerprint(one, stated.fingerprint)]
    if len(named) == 1:
        fitting = named
    if len(fitting) == 1:
        notes = () if silent else _told(found, source)
        return Choice(fitting[0], notes + (_overruled(fitting[0], stated) if silent else ()))
    if fitting:
        return Unrecognized(_open(fitting))
    made: dict[Architecture, Match] = {}
    for one in found if beyond else ():
        other = wanted.put_into(one.architecture)
        if other is not None:
            made.setdefault(meaning(other), Match(other, one.names))
    if len(made) == 1:
        return Choice(next(iter(made.values())), (source,), known=False)
    if made:
        return Unrecognized(_open(list(made.values())))
    return Unrecognized(
        f"{source}, but known networks with these parameters have {_activations(found)}; say another one, "
        f"or leave it out"
    )


def _overruled(chosen: Match, stated: StatedArchitecture) -> tuple[str, ...]:
    """Says so where the user contradicts the file."""
    if stated.fingerprint is not None and not _has_fingerprint(chosen, stated.fingerprint):
        return (f"{_OPTION} was believed more than the file's entry {FINGERPRINT!r}",)
    if stated.activation is not None and not stated.activation.fits(chosen.architecture):
        return (f"{_OPTION} was believed more than the file's entry 'activation'",)
    return ()


def _by_fingerprint(
    found: Sequence[Match], stated: StatedArchitecture, *, beyond: bool
) -> Choice | Unrecognized:
    exact = [one for one in found if _has_fingerprint(one, stated.fingerprint)]
    if exact:
        note = f"the file's entry {FINGERPRINT!r} says {exact[0].architecture.describe()}"
        return Choice(exact[0], _told(found, note))
    for one in found if beyond else ():
        # The same layers with other activations, under the names of the network or those of the file.
        for kind in activation_kinds():
            other = RequestedActivations(((kind.name, None),)).put_into(one.architecture)
            if other is not None and _has_fingerprint(Match(other, one.names), stated.fingerprint):
                note = f"the file's entry {FINGERPRINT!r} says {other.describe()}"
                return Choice(Match(other, one.names), (note,), known=False)
    return Unrecognized(
        f"the file's entry {FINGERPRINT!r} says {stated.fingerprint}, which is the fingerprint of no known "
        f"network with these parameters (known are {_activations(found)}); if the entry is wrong, say the "
        f"activation with {_OPTION}"
    )


def _has_fingerprint(one: Match, fingerprint: str | None) -> bool:
    """Match the network under its own names, or under those of the file."""
    if fingerprint is None:
        return False
    if one.architecture.fingerprint == fingerprint:
        return True
    other = rename_parameters(one.architecture, one.names)
    return other is not None and other.fingerprint == fingerprint


def _activations(found: Sequence[Match]) -> str:
    """Such as ``relu or tanh``."""
    kinds = dict.fromkeys(_kinds(one.architecture) for one in found)
    shown = list(kinds)[:SHOWN]
    return " or ".join(shown) + (f" or {len(kinds) - SHOWN} others" if len(kinds) > SHOWN else "")


def _kinds(architecture: Architecture) -> str:
    own = architecture.hidden_activations
    words = [one.kind if one.properties.value is None else f"{one.kind}:{one.value:g}" for one in own]
    words = words or list(architecture.activation_kinds)
    return words[0] if len(set(words)) == 1 else ",".join(words) or "no activation"


def _open(found: Sequence[Match]) -> str:
    """Names the choices, and what decides."""
    different = len({_kinds(one.architecture) for one in found}) == len(found)
    if different:
        return (
            f"its parameters fit {len(found)} known architectures, which differ in their activations "
            f"({_activations(found)}); say which with {_OPTION}, or save the entry {FINGERPRINT!r} with its "
            "fingerprint beside the tensors"
        )
    shown = "; ".join(one.architecture.describe() for one in found[:SHOWN])
    return (
        f"its parameters fit {len(found)} known architectures, which differ in more than activations, such "
        f"as strides, padding or skip connections ({shown}); save the entries {FINGERPRINT!r} and "
        f"{DESCRIPTION!r} of the right one beside the tensors, as scalegmn export does"
    )
