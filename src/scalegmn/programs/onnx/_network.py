"""A network of an ONNX file: its program, its weights, and the way back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from scalegmn.checkpoints import DEFAULT_MAX_BYTES
from scalegmn.checkpoints.onnx import OnnxModel, read_onnx, write_onnx_like
from scalegmn.errors import ProgramError
from scalegmn.programs import Input, Program, ValueType
from scalegmn.programs.tracing import trace_named

from ._module import OnnxModule
from ._parameters import parameters_of
from ._resolving import resolve
from ._sizes import input_types


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class OnnxNetwork:
    """What was read.

    Attributes:
        program: the network.
        state: its parameters and statistics by the names of the file: what
            :func:`scalegmn.programs.foldings.fold` makes effective parameters of.
        model: the file.
    """

    program: Program
    state: dict[str, Tensor] = field(repr=False)
    model: OnnxModel = field(repr=False)

    def write(self, path: str | os.PathLike[str], state: Mapping[str, Tensor]) -> None:
        """Write the file with other weights; all its other bytes stay as they are.

        Args:
            path: of the new file; one that is there is replaced.
            state: new weights by name; those that are left out stay.

        Raises:
            CheckpointError: the file has changed since it was read, or its weights lie where they cannot be
                replaced.
            DiskError: it cannot be written.
        """
        write_onnx_like(path, self.model, state)


def load_onnx(
    path: str | os.PathLike[str],
    *,
    sizes: Mapping[str, int] | None = None,
    external_data: bool = False,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> OnnxNetwork:
    """Read the network of an ONNX file as a program.

    The file may be anybody's: it is parsed by a confined process, nothing in it runs, and its operators are
    looked up by name.  What depends on sizes alone is computed while reading.

    Args:
        path: of the file.
        sizes: of axes that the file leaves open, by their symbols; a batch that is not named here is 1.
        external_data: whether weights may lie in other files of the same folder.
        max_bytes: that the file may have, and that its tensors may have together.

    Raises:
        CheckpointError: the file cannot be read.
        ProgramError: it is no network with weights, or sizes are missing.
        UnsupportedOperationError: nothing is known of one of its operators.

    Example:
        >>> from scalegmn.programs.onnx import load_onnx
        >>> network = load_onnx("network.onnx", sizes={"sequence": 16})  # doctest: +SKIP
        >>> scalegmn.program_symmetries(network.program)  # doctest: +SKIP
    """
    model = read_onnx(path, max_bytes=max_bytes, external_data=external_data)
    types = input_types(model, sizes or {})
    try:
        program, state = _program(model, types)
    except ProgramError as error:
        raise _about(model, error) from error
    return OnnxNetwork(program=program, state=state, model=model)


def _program(model: OnnxModel, types: Mapping[str, ValueType]) -> tuple[Program, dict[str, Tensor]]:
    parameters = parameters_of(model)
    state = {name: choice.value for name, choice in parameters.items()}
    if not state or not types:
        raise ProgramError(
            f"the file has {len(state)} tensors of weights and {len(types)} inputs, expected at least one of "
            "each; export a network with its weights (export_params=True), not one without"
        )
    resolution = resolve(model, inputs=types, parameters=state)
    module = OnnxModule(model, resolution=resolution, parameters=parameters)
    examples = tuple(torch.zeros(one.shape, dtype=getattr(torch, one.dtype)) for one in types.values())
    program = trace_named(module, examples, names=module.names)
    return _placed(program, module, list(types)), state


def _placed(program: Program, module: OnnxModule, inputs: list[str]) -> Program:
    """The program with the names of the file for inputs and nodes."""
    return replace(
        program,
        inputs=tuple(
            Input(name=name, type=given.type) for name, given in zip(inputs, program.inputs, strict=True)
        ),
        instructions=tuple(
            replace(one, module=module.places.get(one.module, one.module)) for one in program.instructions
        ),
    )


def _about(model: OnnxModel, error: ProgramError) -> ProgramError:
    """The error with the path of the file in front."""
    text = str(error)
    return error if text.startswith(model.origin) else type(error)(f"{model.origin}: {text}")
