"""Any module as an architecture, so that populations, runs and metanetworks hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, final

import torch
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, ProgramError
from scalegmn.networks import Activation, Architecture, Parameter, Size, WeightedParameters, positioned

from ._activations import activations_in
from ._program import Input, Program
from ._resizing import at_widths
from ._running import run_program
from ._weighted import weighted_parameters


@final
@dataclass(frozen=True)
class ProgramArchitecture(Architecture):
    """A program whose parameters lie in one flat vector.

    The vector holds the *effective* parameters, statistics of batch norm among them: what the program
    computes with.  :meth:`read_state` and :meth:`write_state` go from a file's tensors to it and back.

    Args:
        program: of real parameters.

    Raises:
        ArchitectureError: a parameter is no tensor of real numbers, or there are none.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from scalegmn.programs import ProgramArchitecture
        >>> layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        >>> module = nn.Sequential(*layers)
        >>> architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 1, 4, 4))
        >>> theta = architecture.read_state(module.state_dict())
        >>> architecture.num_parameters, theta.shape
        (107, torch.Size([107]))
        >>> images = torch.randn(7, 1, 4, 4)
        >>> torch.allclose(architecture.run(theta[None], images)[0], module.eval()(images), atol=1e-5)
        True
    """

    kind = "program"

    program: Program

    def __post_init__(self) -> None:
        for parameter in self.program.parameters:
            if not parameter.type.is_floating:
                raise ArchitectureError(
                    f"the parameter {parameter.name} has dtype {parameter.type.dtype}, expected real "
                    "numbers; a flat vector cannot hold it"
                )
        if not self.program.parameters:
            raise ArchitectureError("the program has no parameters; expected at least one")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.program)

    @classmethod
    def from_module(
        cls,
        module: nn.Module,
        example_inputs: Sequence[Any] | Tensor = (),
        *,
        example_kwargs: Mapping[str, Any] | None = None,
    ) -> ProgramArchitecture:
        """Trace a module (:func:`scalegmn.trace`); one example in the batch is enough, and best.

        Raises:
            ProgramError: it cannot be traced.
        """
        # Tracing stands above: it builds what is defined here.
        from scalegmn.programs.tracing import trace

        return cls(trace(module, example_inputs, example_kwargs=example_kwargs))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return positioned((one.name, one.type.shape) for one in self.program.parameters)

    @cached_property
    def weighted(self) -> tuple[WeightedParameters, ...]:
        """Trained tensors in the order of the flat vector.

        The bias of a tensor is the vector whose name has ``bias`` where that of the tensor has ``weight``.
        All others count as weights: matrices and kernels, and vectors such as the gains of a norm, too.
        Statistics are left out, unless there is nothing else.
        """
        kinds = zip(self.program.parameters, self.parameters, strict=True)
        return weighted_parameters([place for one, place in kinds if not one.buffer] or self.parameters)

    @cached_property
    def positive(self) -> Tensor | None:
        found = torch.zeros(self.num_parameters, dtype=torch.bool)
        for one, place in zip(self.program.parameters, self.parameters, strict=True):
            found[place.start : place.stop] = one.positive
        return found if bool(found.any()) else None

    @property
    def num_inputs(self) -> int:
        return _second(self.program.inputs[0].type.shape) if self.program.inputs else 0

    @property
    def num_outputs(self) -> int:
        return _second(self.program.types()[self.program.outputs[0].index].shape)

    @property
    def hidden_activations(self) -> tuple[Activation, ...]:
        return ()

    @cached_property
    def activation_kinds(self) -> tuple[str, ...]:
        return activations_in(self.program)

    @property
    def input(self) -> Input:
        """What it is asked about.

        Raises:
            ArchitectureError: that are several things, none, or a single number.
        """
        shapes = [one.type.shape for one in self.program.inputs]
        if len(shapes) != 1 or not shapes[0]:
            raise ArchitectureError(
                f"the network has inputs of shapes {shapes}, expected one, of examples along its first axis; "
                "ask it by scalegmn.programs.run_programs"
            )
        return self.program.inputs[0]

    def example_shape(self, image_size: Size | None) -> tuple[int, ...]:
        given = self.input.type
        if not given.is_floating:
            raise ArchitectureError(
                f"{self.describe()} reads numbers of the kind {given.dtype}, expected real ones"
            )
        shape = given.shape[1:]
        if image_size is not None and (len(shape) != 3 or shape[1:] != tuple(image_size)):
            raise ArchitectureError(
                f"{self.describe()} was traced with examples of shape {shape}, but image_size is "
                f"{image_size}; expected {shape[1:] if len(shape) == 3 else None}, or nothing at all"
            )
        return shape

    def run(self, theta: Tensor, inputs: Tensor) -> Tensor:
        r"""Outputs of B networks, each example asked by itself, whatever batch the program was traced with.

        Args:
            theta: parameters, ``(B, P)``.
            inputs: ``(n, *features)``, the same for all networks, or ``(B, n, *features)``.

        Returns:
            The first of its outputs, ``(B, n, *outputs)``.

        Raises:
            ArchitectureError: the network has several inputs or does not answer every example by itself, or
                the inputs have another shape.
        """
        shape = self.input.type.shape
        own = inputs.ndim == len(shape) + 1
        fits = inputs.ndim in (len(shape), len(shape) + 1) and inputs.shape[int(own) + 1 :] == shape[1:]
        if not fits or (own and len(inputs) != len(theta)):
            raise ArchitectureError(
                f"inputs of shape {tuple(inputs.shape)} for {len(theta)} networks {self.describe()}, "
                f"expected (n, *features) or (B, n, *features) with the features {shape[1:]} of its trace"
            )
        count, size = inputs.shape[int(own)], shape[0]
        answer = self.program.types()[self.program.outputs[0].index].shape
        if answer[:1] != (size,):
            raise ArchitectureError(
                f"the answer to {size} examples has shape {answer}, expected one answer for each along the "
                f"first axis, of {self.describe()}; ask it by scalegmn.programs.run_programs"
            )
        if not len(theta) or not count:
            return theta.new_zeros(len(theta), count, *answer[1:])
        blocks = _in_blocks(inputs, axis=int(own), size=size)
        states = self.unflatten(theta)
        try:
            found = self._at_once(states, blocks, own=own)
        except (ProgramError, RuntimeError):
            # Some operations cannot be batched; these programs are asked one by one.
            found = self._one_by_one(states, blocks, own=own)
        return found.flatten(1, 2)[:, :count]

    def _at_once(self, states: dict[str, Tensor], blocks: Tensor, *, own: bool) -> Tensor:
        each = torch.func.vmap(self._answer, in_dims=(None, 0))
        return torch.func.vmap(each, in_dims=(0, 0 if own else None))(states, blocks)

    def _one_by_one(self, states: dict[str, Tensor], blocks: Tensor, *, own: bool) -> Tensor:
        networks = len(next(iter(states.values())))
        found = []
        for number in range(networks):
            state = {name: value[number] for name, value in states.items()}
            asked = blocks[number] if own else blocks
            found.append(torch.stack([self._answer(state, block) for block in asked]))
        return torch.stack(found)

    def _answer(self, state: dict[str, Tensor], block: Tensor) -> Tensor:
        return run_program(self.program, state, [block])[0]

    @cached_property
    def file_names(self) -> frozenset[str]:
        names = {one.name for one in self.program.parameters}
        for folding in reversed(self.program.foldings):
            names = names.difference(folding.effective).union(folding.required)
        return frozenset(names)

    @cached_property
    def readable_names(self) -> frozenset[str]:
        names = {one.name for one in self.program.parameters}
        for folding in reversed(self.program.foldings):
            names = names.difference(folding.effective).union(folding.files)
        return frozenset(names)

    def read_state(self, state: Mapping[str, Tensor], *, origin: str = "state dict") -> Tensor:
        from scalegmn.programs.foldings import fold

        try:
            effective = fold(self.program, state)
        except ProgramError as error:
            raise type(error)(f"{origin}: {error}") from error
        return self.flatten(effective, origin=origin)

    def without_widths(self) -> dict[str, object]:
        if (layered := self.as_layers) is not None:
            return layered.without_widths()
        program, types = self.program, self.program.types()
        # Literals are left out: some are widths.
        return {
            "inputs": [one.type.shape for one in program.inputs],
            "parameters": [[len(one.type.shape), *one.type.shape[2:]] for one in program.parameters],
            "operations": [[i.operation, *(o.index for o in i.operands())] for i in program.instructions],
            "answers": [[one.index, types[one.index].shape] for one in program.outputs],
        }

    def at_widths_of(self, state: Mapping[str, Tensor]) -> ProgramArchitecture | None:
        from scalegmn.programs.foldings import shapes_in

        try:
            return ProgramArchitecture(at_widths(self.program, shapes_in(self.program, state)))
        except ProgramError:
            return None

    def write_state(self, theta: Tensor, *, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        from scalegmn.programs.foldings import unfold

        return unfold(self.program, self.unflatten(theta), like=like)

    def to_dict(self) -> dict[str, object]:
        from scalegmn.programs.files import program_to_plain

        return {"kind": self.kind, "program": program_to_plain(self.program)}

    @classmethod
    def from_plain(cls, data: Mapping[str, object]) -> ProgramArchitecture:
        from scalegmn.programs.files import program_from_plain

        if set(data) != {"kind", "program"}:
            raise ArchitectureError(
                f"a traced architecture has {sorted(map(str, data))}, expected kind and program; the file is "
                "damaged, or was written by a newer version"
            )
        try:
            return cls(program_from_plain(data["program"]))
        except ProgramError as error:
            raise ArchitectureError(f"not the description of an architecture: {error}") from error

    def describe(self) -> str:
        asked = " and ".join("x".join(map(str, one.type.shape)) for one in self.program.inputs) or "nothing"
        return (
            f"{self.fingerprint[:6]}: {len(self.program.instructions)} operations on {asked}, "
            f"{self.num_parameters} parameters"
        )


def _second(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) > 1 else prod(shape)


def _in_blocks(inputs: Tensor, *, axis: int, size: int) -> Tensor:
    """Examples in blocks of the traced batch's size, the last of which is filled up."""
    missing = -inputs.shape[axis] % size
    if missing:
        filling = inputs.narrow(axis, 0, 1).expand(*inputs.shape[:axis], missing, *inputs.shape[axis + 1 :])
        inputs = torch.cat([inputs, filling], dim=axis)
    return inputs.unflatten(axis, (-1, size))
