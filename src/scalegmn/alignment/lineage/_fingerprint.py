"""Numbers of a network that no symmetry, no unread neuron and no split neuron changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import torch
from torch import Tensor

from scalegmn.alignment import program_of, readable_shape
from scalegmn.errors import ArchitectureError, ProgramError, SymmetryError
from scalegmn.networks import Architecture
from scalegmn.programs import Input, watch_program, weighed_values
from scalegmn.shapes import ParameterRows

from ._probes import directions, probe_inputs

INPUTS: Final = 32
"""Inputs of noise that each network is asked about."""
DIRECTIONS: Final = 8
"""Directions of answers, at most."""
PLACES: Final = 8
"""Places on the way through a network, at most."""
_FAINT: Final = 0.1
"""Singular values are compared with this share of the largest: what is much smaller is nearly left out."""
_ROUNDING: Final = 1e-5
"""Share of a place's numbers below which there is nothing but rounding of single precision."""
_NUMBERS: Final = 2**24
"""Activations that are kept at once."""


@final
@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of networks of one architecture.

    Attributes:
        kind: what other fingerprints must have in common with these to be compared: the shape of an input,
            the numbers in an answer, and places.  Widths are no part of it.
        vectors: one of length 1 per place, or of zeros where nothing depends on the place,
            ``(networks, places, features)`` float32.
    """

    kind: tuple[object, ...]
    vectors: Tensor


@final
class Fingerprinter:
    r"""Takes fingerprints of networks of one architecture.

    At a place of the network, where ``h_j(x)`` are the activations for an input ``x`` and
    ``delta_j(x) = dy(x) / dh_j`` are derivatives of the answer along a direction,

    ``K[a, b] = sum_j delta_j(x_a) h_j(x_b)``

    for all pairs of inputs of noise.  A symmetry multiplies ``h`` and divides ``delta``, or moves both to
    another neuron; a neuron that nobody reads has ``delta = 0``; the parts of a split neuron share its
    ``delta``.  Pairs of unlike inputs are nothing that training asks for, so that unrelated networks that
    answer alike differ.  What does not tell networks apart is taken out: the mean over ``b``, so that
    constants and phases do not count; the mean over ``a``, which in wide networks is the answer for ``b``;
    and pairs of an input with itself.  Singular values are evened out, ``s -> s / (s + 0.1 s_max)``, so that
    not one direction is compared alone.

    Args:
        architecture: of any kind, with one input of real numbers.

    Raises:
        ArchitectureError: it has another input, or its answer is none to each example.
        SymmetryError, ProgramError: it cannot be made a program.

    Law: invariant under the symmetry group of the architecture; under all linear changes of basis between two
        layers that keep the function; under neurons that are not read, and neurons that are split.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.alignment.lineage import Fingerprinter
        >>> from scalegmn.symmetry import random_symmetry
        >>> network = mlp(widths=(3, 8, 8, 4), activations=[Activation("relu")] * 2)
        >>> theta = torch.randn(2, network.num_parameters, dtype=torch.float64)
        >>> moved = random_symmetry(network, generator=torch.Generator().manual_seed(0)).apply(theta)
        >>> takes = Fingerprinter(network)
        >>> first, second = takes.fingerprints(theta).vectors, takes.fingerprints(moved).vectors
        >>> first.shape, torch.allclose(first, second, atol=1e-5)
        (torch.Size([2, 2, 4096]), True)
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture: Final = architecture
        self._traced: Final = program_of(architecture)
        self._input: Final = self._checked_input()
        shape = readable_shape(architecture)
        types = self._traced.program.types()
        self._size: Final = self._input.type.shape[0]
        answer = types[self._traced.program.outputs[0].index]
        outputs, left = divmod(answer_size(answer.shape), self._size)
        if left or not outputs or not answer.is_floating:
            raise ArchitectureError(
                f"the answer to {self._size} examples has shape {answer.shape}, expected real numbers for "
                f"each example, of {architecture.describe()}; nothing can be said about its lineage"
            )
        places = self._chosen_places()
        # A single layer is its function, and has nothing inside.
        self._answers_only: Final = not places
        self._places: Final = places or (self._traced.program.outputs[0].index,)
        self._inputs: Final = probe_inputs(shape, count=INPUTS)
        self._directions: Final = directions(outputs, count=DIRECTIONS)
        self.kind: Final[tuple[object, ...]] = (*shape, outputs, len(self._places))

    def fingerprints(self, theta: ParameterRows) -> Fingerprints:
        """Fingerprints of networks.

        Args:
            theta: parameters, ``(networks, P)``; computed in their precision.

        Raises:
            SymmetryError: a network holds NaN, or its numbers grow beyond all bounds on the way.
        """
        if not len(theta):
            return Fingerprints(self.kind, torch.zeros(0, len(self._places), 0))
        at_once = max(1, _NUMBERS // self._activations())
        parts = [self._vectors(chosen) for chosen in theta.split(at_once)]
        return Fingerprints(self.kind, torch.cat(parts))

    def _vectors(self, theta: Tensor) -> Tensor:
        blocks = _in_blocks(self._inputs.to(theta), size=self._size)
        states = self._traced.unflatten(theta)
        try:
            kept, slopes = torch.func.vmap(
                torch.func.vmap(self._watched, in_dims=(None, 0)), in_dims=(0, None)
            )(states, blocks)
        except (ProgramError, RuntimeError):
            # Some operations cannot be batched; these programs are asked one by one.
            kept, slopes = self._one_by_one(states, blocks)
        found = [self._vector(h, delta) for h, delta in zip(kept, slopes, strict=True)]
        vectors = torch.stack(found, dim=1)
        if not bool(torch.isfinite(vectors).all()):
            raise SymmetryError(
                "a network's activations for inputs of noise are beyond all bounds or NaN, expected finite "
                "ones; nothing can be said about its lineage"
            )
        return vectors.float()

    def _watched(self, state: dict[str, Tensor], block: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Activations ``(size, F)`` and derivatives ``(directions, size, F)`` at each place."""
        types = self._traced.program.types()
        zeros = tuple(block.new_zeros(types[place].shape) for place in self._places)

        def answer(*nudges: Tensor) -> tuple[Tensor, list[Tensor]]:
            answers, seen = watch_program(
                self._traced.program, state, [block], nudges=dict(zip(self._places, nudges, strict=True))
            )
            return answers[0].reshape(self._size, -1), [seen[place] for place in self._places]

        made: Any = torch.func.vjp(answer, *zeros, has_aux=True)
        _, pull, kept = made
        slopes = [pull(one.expand(self._size, -1)) for one in self._directions.to(block)]
        stacked = [torch.stack(parts) for parts in zip(*slopes, strict=True)]
        return (
            [value.reshape(self._size, -1) for value in kept],
            [value.reshape(len(slopes), self._size, -1) for value in stacked],
        )

    def _one_by_one(self, states: dict[str, Tensor], blocks: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        networks = []
        for number in range(len(next(iter(states.values())))):
            state = {name: value[number] for name, value in states.items()}
            networks.append([self._watched(state, block) for block in blocks])
        places = range(len(self._places))
        kept = [
            torch.stack([torch.stack([block[0][n] for block in one]) for one in networks]) for n in places
        ]
        slopes = [
            torch.stack([torch.stack([block[1][n] for block in one]) for one in networks]) for n in places
        ]
        return kept, slopes

    def _vector(self, kept: Tensor, slopes: Tensor) -> Tensor:
        """The vector of one place, from ``(N, blocks, size, F)`` and ``(N, blocks, directions, size, F)``."""
        h = kept.flatten(1, 2)[:, :INPUTS]
        delta = slopes.transpose(1, 2).flatten(2, 3)[:, :, :INPUTS]
        pairs = (delta @ h.mT[:, None]).double()
        pairs = pairs - pairs.mean(-1, keepdim=True)
        if not self._answers_only:
            pairs = _unlike(pairs)
        return torch.nn.functional.normalize(_evened_out(pairs).flatten(1), dim=1)

    def _chosen_places(self) -> tuple[int, ...]:
        """Evenly spaced, where a matrix of parameters has acted; the answer is none of them."""
        types = self._traced.program.types()
        found = [
            place
            for place in weighed_values(self._traced.program)
            if types[place].shape and types[place].shape[0] % self._size == 0
        ]
        count = min(PLACES, len(found))
        return tuple(found[place * len(found) // count] for place in range(count))

    def _activations(self) -> int:
        types = self._traced.program.types()
        sizes = sum(answer_size(types[place].shape) for place in self._places) // self._size
        return (len(self._directions) + 1) * INPUTS * max(1, sizes)

    def _checked_input(self) -> Input:
        found = self._traced.input
        if not found.type.is_floating:
            raise ArchitectureError(
                f"{self.architecture.describe()} reads numbers of the kind {found.type.dtype}, expected real "
                "ones; nothing can be said about its lineage"
            )
        return found


def answer_size(shape: tuple[int, ...]) -> int:
    """Numbers in a tensor."""
    return torch.Size(shape).numel()


def fingerprints(architecture: Architecture, theta: ParameterRows) -> Fingerprints:
    """Fingerprints of networks of one architecture; see :class:`Fingerprinter`."""
    return Fingerprinter(architecture).fingerprints(theta)


def _unlike(pairs: Tensor) -> Tensor:
    """What pairs of unlike inputs say beyond each of the two; 0 where that is nothing but rounding."""
    both = pairs - pairs.mean(-2, keepdim=True)
    both = both - torch.diag_embed(both.diagonal(dim1=-2, dim2=-1))
    whole, rest = pairs.flatten(1).norm(dim=1), both.flatten(1).norm(dim=1)
    # Not a comparison that NaN would pass.
    nothing = rest <= _ROUNDING * whole
    return torch.where(nothing[:, None, None, None], 0.0, both)


def _evened_out(pairs: Tensor) -> Tensor:
    """Singular values divided by themselves and a share of the largest; 0 stays 0."""
    if not bool(torch.isfinite(pairs).all()):
        return torch.full_like(pairs, torch.nan)
    left, values, right = torch.linalg.svd(pairs, full_matrices=False)
    largest = values[..., :1]
    kept = torch.where(largest > 0, values / (values + _FAINT * largest), 0.0)
    return (left * kept[..., None, :]) @ right


def _in_blocks(inputs: Tensor, *, size: int) -> Tensor:
    """Blocks of the traced batch's size, the last of which is filled up."""
    missing = -len(inputs) % size
    filled = torch.cat([inputs, inputs[:1].expand(missing, *inputs.shape[1:])]) if missing else inputs
    return filled.unflatten(0, (-1, size))
