"""Exports the networks of `any_network` as ONNX files, reads them, and compares numbers and groups.

    python -m benchmarks.onnx_networks [--only NAME ...]

Each network is exported in double precision by PyTorch's exporter, read by `load_onnx`, and run on the
example that it was exported with; its program has to answer what the module answers, to 1e-7 of its size
(constants of the code are written in single precision).  Dimensions of scales and signs are compared with
those of the module as it is traced; where they differ, the exporter has written another network (tensors
that are equal become one, others are computed before they are written), and the line says both.  A random
element moves the file, and the package onnx computes both files.  The status is not 0 if an answer differs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from benchmarks.any_network._double import double
from benchmarks.any_network.models import Entry, list_models
from onnx.reference import ReferenceEvaluator
from torch import Tensor
from torch.utils._pytree import tree_leaves

from scalegmn.errors import CheckpointError, ProgramError
from scalegmn.programs import run_program
from scalegmn.programs.foldings import fold
from scalegmn.programs.onnx import OnnxNetwork, load_onnx
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import program_symmetries

TOLERANCE = 1e-7
OPSET = 20


@dataclass
class Line:
    """What is said of one network."""

    name: str
    exported: bool = False
    refused: str = ""
    error: float = 0.0
    moved: float | None = None
    own: tuple[int, int] = (0, 0)
    file: tuple[int, int] = (0, 0)
    seconds: float = 0.0

    def __str__(self) -> str:
        if not self.exported:
            return f"{self.name}: not exported ({self.refused})"
        if self.refused:
            return f"{self.name}: refused: {self.refused}"
        same = "the same group" if self.own == self.file else f"group {self.file}, traced {self.own}"
        moved = "not run by the evaluator" if self.moved is None else f"moved {self.moved:.0e}"
        return f"{self.name}: error {self.error:.0e}, {moved}, {same}, {self.seconds:.1f} s"


def examine(entry: Entry, folder: Path) -> Line:
    """Export, read, run, and move one network."""
    line = Line(entry.name)
    module, example = entry.build().double(), double(entry.examples()[0])
    path = folder / "network.onnx"
    args, kwargs = (example, {}) if isinstance(example, tuple) else ((), dict(example))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(
                module,
                args,
                str(path),
                kwargs=kwargs or None,
                dynamo=False,
                opset_version=OPSET,
                do_constant_folding=False,
                training=torch.onnx.TrainingMode.PRESERVE,
            )
    except Exception as error:
        line.refused = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100]}"
        return line
    line.exported = True
    start = time.process_time()
    try:
        network = load_onnx(path)
        found = program_symmetries(network.program)
    except (ProgramError, CheckpointError) as refusal:
        line.refused = str(refusal).removeprefix(f"{path}: ")
        return line
    line.seconds = time.process_time() - start
    line.file = (found.group.scales.dimension, found.group.signs.dimension)
    own = program_symmetries(trace(module, args, example_kwargs=kwargs)).group
    line.own = (own.scales.dimension, own.signs.dimension)
    inputs = _inputs(network, [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)])
    with torch.no_grad():
        expected = [v for v in tree_leaves(module(*args, **kwargs)) if isinstance(v, Tensor)]
        answers = run_program(network.program, fold(network.program, network.state), inputs)
    line.error = max(_distance(a.numpy(), b.numpy()) for a, b in zip(answers, expected, strict=False))
    element = found.random(generator(0, "move"), spread=0.5)
    network.write(folder / "moved.onnx", found.apply(element, network.state))
    given = {one.name: value.numpy() for one, value in zip(network.program.inputs, inputs, strict=True)}
    with contextlib.suppress(Exception):  # of the evaluator, which does not have all operators
        before = ReferenceEvaluator(str(path)).run(None, given)
        after = ReferenceEvaluator(str(folder / "moved.onnx")).run(None, given)
        line.moved = max(_distance(b, a) for a, b in zip(before, after, strict=True))
    return line


def _inputs(network: OnnxNetwork, given: list[Tensor]) -> list[Tensor]:
    """The tensors of an example that the exporter has kept as inputs."""
    shapes = [one.type.shape for one in network.program.inputs]
    if len(shapes) == len(given):
        return given
    return [next(value for value in given if tuple(value.shape) == shape) for shape in shapes]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    size = float(np.abs(other).max()) if other.size else 0.0
    change = float(np.abs(one.astype("float64") - other.astype("float64")).max()) if other.size else 0.0
    return change / (size or 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    entries = [one for one in list_models() if not options.only or one.name in options.only]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in entries:
            try:
                lines.append(examine(entry, Path(folder)))
            except ImportError as error:
                print(f"{entry.name}: left out ({error})", file=sys.stderr)
                continue
            print(lines[-1], flush=True)
    read = [line for line in lines if line.exported and not line.refused]
    wrong = [line for line in read if not line.error <= TOLERANCE]
    exported = sum(line.exported for line in lines)
    print(
        f"{exported} of {len(lines)} exported, {len(read)} of them read, "
        f"{sum(line.own == line.file for line in read)} of these with the group of the module, "
        f"{len(wrong)} wrong"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
