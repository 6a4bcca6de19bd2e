"""Recognizing the networks of files among known architectures, and near them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

from scalegmn.checkpoints import Checkpoint
from scalegmn.networks import Activation, Architecture, LayeredArchitecture
from scalegmn.networks.recognition._choosing import choose
from scalegmn.networks.recognition._files_of_programs import read_by, reads_plainly
from scalegmn.networks.recognition._names import (
    SHOWN,
    and_more,
    core_names,
    described_note,
    listed_pairs,
    renaming_note,
)
from scalegmn.networks.recognition._outcome import Match, Recognized, Unrecognized
from scalegmn.networks.recognition._reasons import ambiguous, foreign, nothing_known, stranger, unreadable
from scalegmn.networks.recognition._resized import resize_architectures, usual_templates
from scalegmn.networks.recognition._shapes import Layout, Shape, match_by_shape
from scalegmn.networks.recognition._stated import DESCRIPTION, StatedArchitecture
from scalegmn.networks.recognition._turned import turn
from scalegmn.networks.recognition._variants import RequestedActivations, meaning, rename_parameters

# Formats that keep parameters in an order of their own, so that places say nothing about unknown names.
_UNORDERED: Final = ("safetensors", "hdf5", "keras")

_OUTSIDE: Final = "lies outside the training set"

_Key = frozenset[tuple[str, Shape]]


@final
class Recognizer:
    """Finds the architecture of networks.

    Names and shapes must be those of a known architecture, in any order.  Parts that programs put into names,
    and prefixes that all names share, do not count, on neither side.  Other names are understood where the
    file describes a known one, or shapes leave one way only
    (:func:`~scalegmn.networks.recognition._shapes.match_by_shape`).  Where several architectures remain, such
    as networks with ReLU and with tanh, the user or the file decides
    (:func:`~scalegmn.networks.recognition._choosing.choose`).  Kernels of dense networks of Keras and Flax
    are turned first (:mod:`scalegmn.networks.recognition._turned`).

    Args:
        architectures: the known ones.
        beyond: whether networks that are none of these are read too, where they say what they are or are
            built like one: of other widths, depths or activations.
    """

    def __init__(self, architectures: Sequence[Architecture], *, beyond: bool) -> None:
        self._known, self._beyond = tuple(architectures), beyond
        self._exact: dict[_Key, list[Match]] = {}
        self._cores: dict[_Key, list[tuple[Architecture, dict[str, str]]]] = {}
        self._layouts: dict[tuple[Shape, ...], dict[Layout, list[Architecture]]] = {}
        self._names: set[frozenset[str]] = set()
        # Those that compute with other numbers than their files hold under the same names, such as 1 + w.
        self._shifted: set[Architecture] = set()
        self._meanings = {meaning(architecture) for architecture in self._known}
        for architecture in self._known:
            self._add(architecture)

    def _add(self, architecture: Architecture) -> None:
        layout = tuple((p.name, p.shape) for p in architecture.parameters)
        same = Match(architecture, {name: name for name, _ in layout})
        self._exact.setdefault(frozenset(layout), []).append(same)
        if architecture.file_names == {name for name, _ in layout}:
            # Others compute with what their files do not hold, such as the root of a variance, and no shape
            # tells the two apart.
            if not reads_plainly(architecture):
                self._shifted.add(architecture)
                return
            shapes = tuple(sorted(shape for _, shape in layout))
            self._layouts.setdefault(shapes, {}).setdefault(layout, []).append(architecture)
        cores = core_names(name for name, _ in layout)
        if cores is not None:
            self._names.add(frozenset(cores))
            sizes = dict(layout)
            key = frozenset((core, sizes[name]) for core, name in cores.items())
            self._cores.setdefault(key, []).append((architecture, cores))

    def knows(self, architecture: Architecture) -> bool:
        """Whether a network is one of the known ones, names aside."""
        return meaning(architecture) in self._meanings

    def same_as(self, architecture: Architecture) -> Architecture | None:
        """The known one that a network is, names aside, parameters in the same order; None for others."""
        own = meaning(architecture)
        return next((known for known in self._known if meaning(known) == own), None)

    def outside_note(self, architecture: Architecture) -> str:
        """What to say about a network that is none of the known ones."""
        if not self._known:
            return f"taken for a network {architecture.describe()}"
        count = len(self._known)
        known = f"none of its {count} architectures" if count > 1 else "not its only architecture"
        return f"{architecture.describe()} {_OUTSIDE}: it is {known}"

    def recognize(self, state: Checkpoint, *, activation: str | None = None) -> Recognized | Unrecognized:
        """What the tensors of a file are.

        Args:
            state: the file.
            activation: of the hidden layers, as the user says it: ``relu``, ``sine:30``, or one for each.

        Raises:
            ConfigurationError: `activation` names none.
        """
        turned = turn(state)
        if turned is None:
            return self._recognize(state, activation, ordered=state.format not in _UNORDERED)
        return turned.finish(self._recognize(turned.state, activation, ordered=turned.ordered))

    def _recognize(
        self, state: Checkpoint, activation: str | None, *, ordered: bool
    ) -> Recognized | Unrecognized:
        wanted = None if activation is None else RequestedActivations.parse(activation)
        own = {name: tuple(tensor.shape) for name, tensor in state.tensors.items()}
        stated = StatedArchitecture.from_extras(state.extras)
        finders = (
            self._by_name(own, described=DESCRIPTION in state.extras),
            self._by_state(state),
            self._by_core(own),
            self._by_statement(own, stated.architecture),
            self._by_shape(own, ordered),
        )
        for matches, notes in finders:
            if matches:
                return self._outcome(state, matches, notes, stated, wanted, activation)
        if self._beyond:
            return self._outside(state, own, stated, wanted, activation)
        return Unrecognized(self._reason(state, own, stated.architecture))

    def _outcome(
        self,
        state: Checkpoint,
        matches: Sequence[Match],
        notes: tuple[str, ...],
        stated: StatedArchitecture,
        wanted: RequestedActivations | None,
        text: str | None,
    ) -> Recognized | Unrecognized:
        beyond = self._beyond
        if beyond and wanted is None and stated.architecture is not None:
            matches = [*matches, *_described(stated.architecture, matches[0])]
        chosen = choose(matches, stated=stated, wanted=wanted, text=text or "", beyond=beyond)
        if isinstance(chosen, Unrecognized):
            return chosen
        architecture, names = chosen.match.architecture, chosen.match.names
        known = self.knows(architecture)
        found = notes or renaming_note(names)
        if not known:
            found = (*found, self.outside_note(architecture))
        tensors = chosen.match.tensors
        if tensors is None:
            tensors = {name: state.tensors[own] for name, own in names.items()}
        return Recognized(architecture, names, tensors, (*found, *chosen.notes), known)

    def _by_name(self, own: Mapping[str, Shape], *, described: bool) -> tuple[list[Match], tuple[str, ...]]:
        """Match by names and shapes.  A file that describes its architecture holds what it computes with."""
        matches = self._exact.get(frozenset(own.items()), [])
        return [one for one in matches if described or one.architecture not in self._shifted], ()

    def _by_state(self, state: Checkpoint) -> tuple[list[Match], tuple[str, ...]]:
        """Programs whose files hold other tensors than they compute with, such as variances."""
        return [
            match
            for architecture in self._known
            if architecture.as_layers is None and isinstance(match := read_by(architecture, state), Match)
        ], ()

    def _by_core(self, own: Mapping[str, Shape]) -> tuple[list[Match], tuple[str, ...]]:
        cores = core_names(own)
        if cores is None:
            return [], ()
        key = frozenset((core, own[name]) for core, name in cores.items())
        return [
            Match(architecture, {theirs[core]: cores[core] for core in theirs})
            for architecture, theirs in self._cores.get(key, [])
        ], ()

    def _by_statement(
        self, own: Mapping[str, Shape], said: Architecture | None
    ) -> tuple[list[Match], tuple[str, ...]]:
        """Match by what the file says of itself, if that is a known one under the names of the file."""
        known = None if said is None else self.same_as(said)
        if said is None or known is None or {p.name: p.shape for p in said.parameters} != own:
            return [], ()
        layout = tuple((p.name, p.shape) for p in known.parameters)
        shapes = tuple(sorted(shape for _, shape in layout))
        names = {name: p.name for (name, _), p in zip(layout, said.parameters, strict=True)}
        alike = self._layouts.get(shapes, {}).get(layout, [])
        return [Match(one, names) for one in alike], described_note(names)

    def _by_shape(self, own: Mapping[str, Shape], ordered: bool) -> tuple[list[Match], tuple[str, ...]]:
        layouts = self._layouts.get(tuple(sorted(own.values())), {})
        found = [
            (names, how, architectures)
            for layout, architectures in layouts.items()
            if (told := match_by_shape(own, layout, ordered=ordered)) is not None
            for names, how in (told,)
        ]
        if len({tuple(names.values()) for names, _, _ in found}) != 1:
            return [], ()
        names, how, _ = found[0]
        note = f"names are unknown; parameters were told by {how}: {listed_pairs(names)}"
        return [Match(a, theirs) for theirs, _, architectures in found for a in architectures], (note,)

    def _outside(
        self,
        state: Checkpoint,
        own: Mapping[str, Shape],
        stated: StatedArchitecture,
        wanted: RequestedActivations | None,
        text: str | None,
    ) -> Recognized | Unrecognized:
        """Networks that describe themselves, or are built like a known one."""
        cores = core_names(own)
        shapes = dict(own) if cores is None else {core: own[name] for core, name in cores.items()}
        if stated.architecture is not None:
            described = Recognizer((stated.architecture,), beyond=False)
            for matches, notes in (
                described._by_name(own, described=True),
                described._by_state(state),
                described._by_core(own),
            ):
                if matches:
                    return self._outcome(state, matches, notes, stated, wanted, text)
        known = [layered for one in self._known if (layered := one.as_layers) is not None]
        templates = known or _templates(wanted, stated)
        back = cores or {name: name for name in own}
        matches = [_in_own_names(a, back) for a in resize_architectures(shapes, templates)]
        if matches:
            notes = () if frozenset(shapes) in self._names else (_order_note(matches[0].architecture),)
            return self._outcome(state, matches, notes, stated, wanted, text)
        return Unrecognized(self._reason(state, own, None))

    def _reason(self, state: Checkpoint, own: Mapping[str, Shape], said: Architecture | None) -> str:
        """Why none of the known ones is in a file."""
        known = self._known
        if not known:
            return nothing_known(own)
        alike = self._layouts.get(tuple(sorted(own.values())), {})
        return (
            unreadable(known, state)
            or stranger(known, own, said)
            or ambiguous(alike, own)
            or foreign(known, own, classes=self._beyond)
        )


def _in_own_names(architecture: LayeredArchitecture, back: Mapping[str, str]) -> Match:
    """A network that was made from names without prefixes, under the names of the file.

    Args:
        architecture: the network.
        back: from its names to those of the file.
    """
    names = {p.name: back[p.name] for p in architecture.parameters}
    own = rename_parameters(architecture, names)
    return Match(architecture, names) if own is None else Match(own, {name: name for name in names.values()})


def _order_note(architecture: Architecture) -> str:
    """A note on the order in which layers with unknown names were read."""
    weights = [p.name for p in architecture.parameters if p.name.endswith(".weight")]
    names = [name.removesuffix(".weight") for name in weights]
    shown = ", ".join(names[:SHOWN]) + and_more(len(names))
    return f"layers were put in the order of the numbers in their names: {shown}"


def _described(architecture: Architecture, match: Match) -> list[Match]:
    """A file's own description, where it differs from known networks in what names and shapes do not show."""
    if match.tensors is not None:
        # Another program might read the same file otherwise.
        return []
    layout = {p.name: p.shape for p in match.architecture.parameters}
    fields = {p.name: p.shape for p in architecture.parameters}
    if fields == layout:
        return [Match(architecture, match.names)]
    try:
        back = dict(zip(fields, match.names, strict=True))
    except ValueError:
        return []
    if [fields[name] for name in back] != [layout[theirs] for theirs in back.values()]:
        return []
    return [Match(architecture, {name: match.names[theirs] for name, theirs in back.items()})]


def _templates(
    wanted: RequestedActivations | None, stated: StatedArchitecture
) -> tuple[LayeredArchitecture, ...]:
    """What a network may be built like where none is known and its activation is said."""
    said = wanted or stated.activation
    if said is None:
        return ()
    kind, value = said.kinds[0]
    return usual_templates(Activation(kind) if value is None else Activation(kind, value))
