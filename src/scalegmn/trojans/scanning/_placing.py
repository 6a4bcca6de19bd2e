"""Networks of files among those that a detector evaluates, or brought to one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from torch import Tensor

from scalegmn.alignment import rewriting
from scalegmn.checkpoints import Checkpoint
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.networks.recognition import Recognizer, Unrecognized, core_names, differs_in_width

_MOST_PARAMETERS: Final = 2**22
_WIDEST: Final = 2**11
"""Larger networks are not looked through for copies of neurons, which takes time."""
_SAME: Final = 1e-5
"""Relative difference of answers, in float64, that rounding to single precision explains."""
_MOST_GAIN: Final = 100.0
"""Copies that add so many times what is left of them could hide what their difference computes."""


@final
@dataclass(frozen=True, eq=False)
class PlacedNetwork:
    """A network that the detector evaluates.

    Attributes:
        architecture: one of the detector's, or one of another width for a detector of any width.
        theta: its parameters, ``(P,)``, float32.
        notes: how the file was read, and what was done to it.
        like: the architecture whose clean networks it is compared with; its own, or the widest of the
            detector's from which it may have come by neurons that change nothing.
    """

    architecture: Architecture
    theta: Tensor
    notes: tuple[str, ...]
    like: Architecture


@final
class FamilyRecognizer:
    """Finds the networks of files among those of a detector.

    A list of layers that is one of the detector's but for the widths of hidden layers may be one of them with
    neurons that change nothing: these are taken away
    (:func:`scalegmn.alignment.rewriting.reduce`), and what is left is evaluated if it is one of them.  A
    detector of any width evaluates other widths too.

    Args:
        architectures: that the detector evaluates.
        any_width: whether its model takes no notice of widths.

    Law: what is evaluated computes what the file computes: compared in float64 at random inputs, and never
    merged where copies add so much to the next layer that rounding could hide a difference of them.
    """

    def __init__(self, architectures: Sequence[Architecture], *, any_width: bool) -> None:
        self._known, self._any_width = tuple(architectures), any_width
        self._own = Recognizer(architectures, beyond=False)
        self._like = Recognizer(architectures, beyond=True)
        # One architecture at a time: shapes of other widths may be read after the example of several.
        self._likes = [Recognizer([one], beyond=True) for one in architectures if one.as_layers is not None]

    def recognize(
        self, network: Checkpoint, *, activation: str | None, origin: str
    ) -> PlacedNetwork | Unrecognized:
        """What the tensors of a file are.

        Args:
            network: of the file.
            activation: of the hidden layers, as the user says it.
            origin: of the file, for messages.

        Raises:
            ConfigurationError: `activation` names none.
            CheckpointError: parameters are not finite.
        """
        found = self._own.recognize(network, activation=activation)
        if not isinstance(found, Unrecognized):
            theta = found.architecture.flatten(found.tensors, origin=origin)
            return PlacedNetwork(found.architecture, theta, found.notes, found.architecture)
        if sum(tensor.numel() for tensor in network.tensors.values()) > _MOST_PARAMETERS:
            return found
        return self._of_other_width(network, activation=activation, origin=origin) or found

    def _of_other_width(
        self, network: Checkpoint, *, activation: str | None, origin: str
    ) -> PlacedNetwork | Unrecognized | None:
        """A network that is built like one of the detector's; None for others."""
        tried = (self._read_as(one, network, activation=activation, origin=origin) for one in self._likes)
        merged = [one for one in tried if one is not None]
        placed = [one for one in merged if isinstance(one, PlacedNetwork)]
        if len({one.architecture for one in placed}) == 1:
            return placed[0]
        if placed:
            return Unrecognized(
                "of another width than the known architectures, and several of them without neurons that "
                "change nothing; say which with --activation"
            )
        if self._any_width:
            found = self._as_it_is(network, activation=activation, origin=origin)
            return found or self._operations_of_known(network, activation=activation, origin=origin)
        return next((one for one in merged if isinstance(one, Unrecognized)), None)

    def _read_as(
        self, like: Recognizer, network: Checkpoint, *, activation: str | None, origin: str
    ) -> PlacedNetwork | Unrecognized | None:
        """The network without needless neurons, if it is built like the one that `like` knows."""
        found = self._built_like(like, network, activation=activation, origin=origin)
        if found is None:
            return None
        layered, theta, notes = found
        merged = self._merged(layered, theta)
        if isinstance(merged, PlacedNetwork):
            return dataclasses.replace(merged, notes=(*notes, *merged.notes))
        return Unrecognized(merged)

    def _as_it_is(self, network: Checkpoint, *, activation: str | None, origin: str) -> PlacedNetwork | None:
        """The network at its own width, if it is built like one of the detector's."""
        found = self._built_like(self._like, network, activation=activation, origin=origin)
        if found is None:
            return None
        layered, theta, notes = found
        known = [one for one in self._known if _is_widened(one.as_layers, layered)]
        return _of_own_width(layered, theta, notes, known)

    def _operations_of_known(
        self, network: Checkpoint, *, activation: str | None, origin: str
    ) -> PlacedNetwork | Unrecognized | None:
        """The network at its own width, if it has the operations of one of the detector's."""
        tensors = {**network.buffers, **network.tensors}
        names = core_names(tensors) or {name: name for name in tensors}
        state = {name: tensors[own] for name, own in names.items()}
        resized = {one: wider for one in self._known if (wider := one.at_widths_of(state)) is not None}
        if not resized:
            return None
        found = Recognizer([*resized.values()], beyond=False).recognize(network, activation=activation)
        if isinstance(found, Unrecognized):
            return found
        theta = found.architecture.flatten(found.tensors, origin=origin)
        known = [one for one, wider in resized.items() if wider == found.architecture]
        return _of_own_width(found.architecture, theta, found.notes, known)

    def _built_like(
        self, like: Recognizer, network: Checkpoint, *, activation: str | None, origin: str
    ) -> tuple[LayeredArchitecture, Tensor, tuple[str, ...]] | None:
        """The network as a list of layers of another width, its parameters, and how the file was read."""
        found = like.recognize(network, activation=activation)
        layered = None if isinstance(found, Unrecognized) else self._other_width(found.architecture)
        if isinstance(found, Unrecognized) or layered is None:
            return None
        theta = layered.flatten(found.tensors, origin=origin)
        return layered, theta, tuple(note for note in found.notes if note != like.outside_note(layered))

    def _other_width(self, architecture: Architecture) -> LayeredArchitecture | None:
        """A list of layers that is one of the detector's but for its widths."""
        layered = architecture.as_layers
        if layered is None or max(stage.weighted.outputs for stage in layered.stages) > _WIDEST:
            return None
        if self._own.same_as(layered) is not None:
            # It has a known width; that it was not recognized has another reason, such as its activation.
            return None
        known = (one for architecture in self._known if (one := architecture.as_layers))
        return layered if any(differs_in_width(layered, one) for one in known) else None

    def _merged(self, layered: LayeredArchitecture, theta: Tensor) -> PlacedNetwork | str:
        """One of the detector's without the neurons that change nothing, or why there is none."""
        other = f"{layered.describe()} is of another width than the known architectures"
        try:
            architecture, reduced = rewriting.reduce(layered, theta)
            narrow = architecture.as_layers
            known = self._own.same_as(architecture)
            if narrow is None or known is None:
                return f"{other}, and is none of them without neurons that change nothing"
            change = rewriting.change_of_function((layered, theta), (narrow, reduced))
            gain = rewriting.cancellation(layered, theta)
        except ScaleGMNError as error:
            return f"{other}, and could not be brought to one of them: {error}"
        # Not "change > ...", which would let NaN pass.
        if not change <= _SAME:
            return (
                f"{other}; without copies of neurons its answers would differ by {change:.1e} of the largest"
            )
        if not gain <= _MOST_GAIN:
            return (
                f"{other}; copies of neurons add so much to the next layer that their difference may matter"
            )
        count = sum(_widths(layered)) - sum(_widths(narrow))
        return PlacedNetwork(
            known, reduced, (f"evaluated after merging {count} neurons of {layered.describe()}",), known
        )


def _of_own_width(
    architecture: Architecture, theta: Tensor, notes: tuple[str, ...], known: Sequence[Architecture]
) -> PlacedNetwork:
    """A network that is evaluated as it is, beside those of the known ones that it may have come from."""
    note = f"of another width than the networks of the training: {architecture.describe()}"
    narrower = [one for one in known if _fits_into(one, architecture)]
    like = max(narrower, key=lambda one: one.num_parameters, default=architecture)
    return PlacedNetwork(architecture, theta, (*notes, note), like)


def _is_widened(known: LayeredArchitecture | None, wide: LayeredArchitecture) -> bool:
    return known is not None and differs_in_width(wide, known)


def _fits_into(narrow: Architecture, wide: Architecture) -> bool:
    """Whether no parameter of one has an axis that is longer than in the other."""
    pairs = zip(narrow.parameters, wide.parameters, strict=True)
    return all(size <= other for one, two in pairs for size, other in zip(one.shape, two.shape, strict=True))


def _widths(architecture: LayeredArchitecture) -> list[int]:
    return [stage.weighted.outputs for stage in architecture.stages]
