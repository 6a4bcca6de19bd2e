"""Fully connected networks that are known by their weights alone: which architecture they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from scalegmn.errors import SymmetryError
from scalegmn.networks import Activate, Activation, Architecture, Dense, Layer, LayeredArchitecture
from scalegmn.testing.elements import PERMUTATIONS, Elements

Activations = Sequence[Activation | str] | Activation | str | None
"""Of the hidden layers: one for each or one for all; None where they are unknown."""

UNKNOWN = (
    "no activations were given, so permutations of hidden neurons alone were tested, and neither scales nor "
    "signs; say activations='relu', or what the networks have"
)
# Permutations keep the function whatever the activation is, so any will do to see that.
_STAND_IN = Activation("tanh")


def chain(
    names: Sequence[str], shapes: Sequence[tuple[int, int]], biased: Sequence[bool], activations: Activations
) -> LayeredArchitecture:
    """The fully connected architecture whose layers have weights of these shapes ``(outputs, inputs)``.

    Raises:
        SymmetryError: layers that do not follow on each other, or another number of activations.
    """
    for (before, last), (name, shape) in pairwise(zip(names, shapes, strict=True)):
        if shape[1] != last[0]:
            raise SymmetryError(
                f"{name} reads {shape[1]} neurons, but {before} has {last[0]} outputs; weights are (outputs, "
                "inputs), or with transposed=True (inputs, outputs), from the first layer to the last"
            )
    if len(shapes) < 2:
        raise SymmetryError(
            f"{len(shapes)} layer of weights has no hidden neurons, so its group is trivial and nothing "
            "would be tested; give networks of at least 2 layers"
        )
    layers: list[Layer] = []
    hidden = _expanded(activations, len(shapes) - 1)
    for number, (name, (outputs, inputs), bias) in enumerate(zip(names, shapes, biased, strict=True)):
        layers.append(Dense(name, inputs, outputs, bias))
        layers += [Activate(hidden[number])] if number < len(hidden) else []
    return LayeredArchitecture(tuple(layers))


def chosen_elements(elements: Elements | None, *, known: bool) -> Elements:
    """The symmetries to draw of networks whose activations are known or not.

    Raises:
        SymmetryError: scales or signs are asked for, and which ones are symmetries is unknown.
    """
    if known:
        return Elements() if elements is None else elements
    if elements is not None and elements.rescale:
        raise SymmetryError(
            f"{elements.describe()} are asked for, but which of them are symmetries follows from "
            "activations, which were not given; say activations='relu', or what the networks have"
        )
    return PERMUTATIONS if elements is None else elements


def described(architecture: Architecture, *, known: bool) -> str:
    """One line about networks whose activations are known or not."""
    text = architecture.describe()
    return text if known else f"{text.partition(' ')[0]} (activations unknown)"


def _expanded(activations: Activations, count: int) -> list[Activation]:
    if activations is None:
        return [_STAND_IN] * count
    given = [activations] * count if isinstance(activations, Activation | str) else list(activations)
    if len(given) != count:
        raise SymmetryError(
            f"{len(given)} activations for {count} hidden layers; give one for each, or one for all"
        )
    return [entry if isinstance(entry, Activation) else Activation(entry) for entry in given]
