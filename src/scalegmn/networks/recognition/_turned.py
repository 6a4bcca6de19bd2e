"""Dense networks of Keras and Flax: their kernels are ``(in, out)``, weights here are ``(out, in)``.

The rule.  Every tensor of the file is a kernel of two axes or a bias, under the names that Keras and Flax
give them: ``dense/kernel`` and ``dense/bias``, or variables 0 and 1 of a layer (``layers/dense/vars/0``).  A
kernel's second axis is as long as the bias of its layer, and some layer has a bias.  Then the kernel, turned,
is the layer's weight, and the layers are called as before, but that ``dense`` beside ``dense_1`` is number 0.
Nothing else is turned: a convolution's kernel does not say whether it is transposed, how it is padded, or in
which order a map behind it is flattened.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from torch import Tensor

from scalegmn.checkpoints import Checkpoint
from scalegmn.networks.recognition._names import natural_key, stem_and_leaf
from scalegmn.networks.recognition._outcome import Recognized, Unrecognized

# Formats that these programs write; in others, "kernel" is somebody else's word.
_FORMATS: Final = ("hdf5", "keras", "npz")
_LEAVES: Final = {"kernel": "weight", "bias": "bias"}
_VARIABLES: Final = {"vars.0": "weight", "vars.1": "bias"}
_NUMBER: Final = re.compile("[0-9]+$")


@final
@dataclass(frozen=True, eq=False)
class TurnedNetwork:
    """A network with its kernels turned.

    Attributes:
        state: the file, with weights and biases under such names, layers in the order of their numbers.
        names: of the tensors there, and in the file.
        ordered: whether numbers in the names of layers tell their order.
    """

    state: Checkpoint
    names: dict[str, str]
    ordered: bool

    def finish(self, found: Recognized | Unrecognized) -> Recognized | Unrecognized:
        """What was recognized, under the names of the file."""
        if isinstance(found, Unrecognized):
            return found
        names = {name: self.names[own] for name, own in found.names.items()}
        first = next(own for name, own in names.items() if name.endswith(".weight"))
        note = f"kernels were turned from (in, out) to (out, in), as in {first!r}"
        return dataclasses.replace(found, names=names, notes=(*found.notes, note))


def turn(state: Checkpoint) -> TurnedNetwork | None:
    """The network of a file of Keras or Flax with its kernels turned; None where the rule does not apply."""
    parts = _parts(state)
    if parts is None:
        return None
    owners = {owner: _numbered(owner, {one for one, _ in parts.values()}) for owner, _ in parts.values()}
    if len(set(owners.values())) != len(owners):
        return None
    order = sorted(parts, key=lambda name: (natural_key(owners[parts[name][0]]), parts[name][1] == "bias"))
    names = {f"{owners[parts[name][0]]}.{parts[name][1]}": name for name in order}
    tensors = {ours: _turned(state.tensors[name]) for ours, name in names.items()}
    series = {_NUMBER.sub("", owner) for owner in owners.values()}
    numbered = all(_NUMBER.search(owner) for owner in owners.values())
    return TurnedNetwork(
        dataclasses.replace(state, tensors=tensors), names, ordered=numbered and len(series) == 1
    )


def stored_tensors(
    state: Checkpoint, names: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Parameters of a recognized network as its file keeps them: under its names, and turned as there.

    Args:
        state: the file.
        names: of the parameters of the architecture, and in the file.
        tensors: by the names of the architecture.
    """
    own = {theirs: name for name, theirs in names.items()}
    turned = turn(state) is not None
    return {
        name: _turned(tensors[own[name]]).contiguous() if turned else tensors[own[name]]
        for name in state.tensors
    }


def _turned(tensor: Tensor) -> Tensor:
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor


def _parts(state: Checkpoint) -> dict[str, tuple[str, str]] | None:
    """Layer and kind (``weight``, ``bias``) of every tensor by its name; None where one has no such name."""
    if state.format not in _FORMATS:
        return None
    found: dict[str, tuple[str, str]] = {}
    for name in state.tensors:
        owner, leaf = stem_and_leaf(name)
        kind = _LEAVES.get(leaf)
        if kind is None and state.format != "npz":
            owner, middle = stem_and_leaf(owner)
            kind = _VARIABLES.get(f"{middle}.{leaf}")
        if kind is None or not owner:
            return None
        found[name] = (owner, kind)
    shapes = {part: tuple(state.tensors[name].shape) for name, part in found.items()}
    return found if len(shapes) == len(found) and _is_dense(shapes) else None


def _is_dense(shapes: Mapping[tuple[str, str], tuple[int, ...]]) -> bool:
    """Whether every layer has a kernel of two axes, and every bias is as long as the second."""
    kernels = {owner: shape for (owner, kind), shape in shapes.items() if kind == "weight"}
    biases = {owner: shape for (owner, kind), shape in shapes.items() if kind == "bias"}
    return (
        bool(biases)
        and all(len(shape) == 2 for shape in kernels.values())
        and all(owner in kernels and shape == kernels[owner][1:] for owner, shape in biases.items())
    )


def _numbered(owner: str, owners: set[str]) -> str:
    """Keras calls the first of several layers by its kind alone, and the second number 1."""
    return f"{owner}_0" if any(re.fullmatch(re.escape(owner) + "_[0-9]+", one) for one in owners) else owner
