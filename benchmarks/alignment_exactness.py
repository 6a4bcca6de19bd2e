"""Moves networks of many families by random elements of their groups, and brings them back.

    python -m benchmarks.alignment_exactness [--only NAME ...] [--large] [--seed SEED]

The networks are those of `any_network`, lists of layers of every kind, and a perceptron and a convolutional
network of 100,000 parameters; with --large a ResNet-18 of 11.7 million instead.  Each is moved by a random
element of the whole group, with free scales between 1/10 and 10, and shifts of phase where there are sines,
and aligned with itself, in double and in single precision.  The error is the largest relative difference of
any parameter that is read.  The status is not 0 if an error is above 1e-10 in double precision or 1e-6 in
single precision, or if 100,000 parameters take more than 10 seconds of a core, or the ResNet-18 more than 3
minutes.  Networks of the package transformers are left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from benchmarks.any_network._double import double
from benchmarks.any_network._examine import _traced
from benchmarks.any_network.models import Entry, list_models
from benchmarks.any_network.models.large import RESNET18
from rich.console import Console
from rich.table import Table
from torch import Tensor

from scalegmn.alignment import Aligner, program_of
from scalegmn.errors import ScaleGMNError
from scalegmn.networks import Activation, Architecture, cnn, mlp, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import group_of_program, random_symmetry
from scalegmn.testing.architectures import random_cnn, random_residual_mlp
from scalegmn.testing.parameters import random_parameters

BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-6}
LIMIT = 10.0
"""Seconds of a core for 100,000 parameters."""
LARGE_LIMIT = 180.0
BIG = 100_000


@dataclass
class Line:
    """What is said of one network."""

    name: str
    parameters: int = 0
    before: float = 0.0
    errors: dict[torch.dtype, float] = field(default_factory=dict)
    group_seconds: float = 0.0
    seconds: float = 0.0
    refused: str = ""

    def faults(self) -> Iterator[str]:
        """What is not as it has to be."""
        if self.refused:
            yield f"{self.name}: {self.refused}"
        for dtype, error in self.errors.items():
            if not error <= BOUNDS[dtype]:
                yield f"{self.name}: in {dtype} a parameter differs by {error:.1e}, bound {BOUNDS[dtype]:.0e}"
        limit = LARGE_LIMIT if self.parameters > 1_000_000 else LIMIT
        if self.parameters > BIG and self.group_seconds + self.seconds > limit:
            yield f"{self.name}: {self.group_seconds + self.seconds:.0f} seconds, bound {limit:.0f}"


def layered() -> dict[str, Architecture]:
    """Lists of layers by name."""
    relu, tanh = Activation("relu"), Activation("tanh")
    kinds = ("relu", "leaky_relu", "relu_squared", "identity", "tanh", "gelu", "sine")
    return {
        **{
            f"layers: mlp, {kind}": mlp(widths=(5, 16, 16, 3), activations=[Activation(kind)] * 2)
            for kind in kinds
        },
        "layers: mlp, relu and tanh": mlp(widths=(5, 16, 16, 3), activations=[relu, tanh]),
        "layers: siren": siren(widths=(2, 32, 32, 1)),
        "layers: cnn": cnn(activations=[relu] * 3),
        "layers: cnn, grouped": random_cnn(generator=generator(3), grouped=True, flattened=False),
        "layers: cnn, flattened": random_cnn(generator=generator(1), flattened=True),
        "layers: residual": random_residual_mlp(generator=generator(1)),
        "layers: mlp, 100,000": mlp(widths=(64, 232, 232, 128, 10), activations=[relu, tanh, relu]),
        "layers: cnn, 100,000": cnn(channels=(3, 64, 64, 112), activations=[relu] * 3),
    }


def examine(name: str, architecture: Architecture, theta: Tensor, *, seed: int, line: Line) -> Line:
    """Move a network, and bring it back, in both precisions."""
    line.parameters = architecture.num_parameters
    aligner = Aligner(architecture)
    read = _read(architecture)
    for dtype in BOUNDS:
        moved = random_symmetry(
            architecture, generator=generator(seed, "element", name), spread=10.0, shift_phase=True
        ).apply(theta.to(dtype))
        start = time.process_time()
        found = aligner.align(theta.to(dtype), moved)
        line.seconds = max(line.seconds, time.process_time() - start)
        line.before = found.distance_before
        line.errors[dtype] = float(found.difference[read].max())
    return line


def _read(architecture: Architecture) -> Tensor:
    """Parameters that the function reads; what became of others cannot be known."""
    unread = set(group_of_program(program_of(architecture)).unread)
    read = torch.ones(architecture.num_parameters, dtype=torch.bool)
    for parameter in architecture.parameters:
        if parameter.name in unread:
            read[parameter.start : parameter.stop] = False
    return read


def of_layers(name: str, architecture: Architecture, *, seed: int) -> Line:
    theta = random_parameters(architecture, 1, generator=generator(seed, name))[0]
    return _timed(name, architecture, theta, seed=seed)


def of_entry(entry: Entry, *, seed: int) -> Line:
    start = time.process_time()
    module = entry.build().double()
    try:
        architecture = ProgramArchitecture(_traced(module, double(entry.examples()[0])))
        theta = architecture.read_state(module.state_dict())
    except ScaleGMNError as error:
        return Line(entry.name, refused=str(error))
    return _timed(entry.name, architecture, theta, seed=seed, before=time.process_time() - start)


def _timed(name: str, architecture: Architecture, theta: Tensor, *, seed: int, before: float = 0.0) -> Line:
    line = Line(name)
    start = time.process_time()
    try:
        # The group is computed once for all networks of an architecture.
        Aligner(architecture).prepare(theta)
        line.group_seconds = before + time.process_time() - start
        return examine(name, architecture, theta, seed=seed, line=line)
    except ScaleGMNError as error:
        line.refused = str(error)
        return line


def lines(options: argparse.Namespace) -> Iterator[Line]:
    wanted = set(options.only)
    if options.large:
        yield of_entry(RESNET18, seed=options.seed)
        return
    for name, architecture in layered().items():
        if not wanted or name in wanted:
            yield of_layers(name, architecture, seed=options.seed)
    for entry in list_models():
        if wanted and entry.name not in wanted:
            continue
        if entry.needs and not importlib.util.find_spec(entry.needs):
            print(f"{entry.name}: left out, {entry.needs} is not installed")
            continue
        yield of_entry(entry, seed=options.seed)


def table(found: list[Line]) -> Table:
    """One row per network."""
    made = Table("network", title="Networks that were moved and brought back")
    for head in ("numbers", "distance before", "float64", "float32", "group, s", "alignment, s"):
        made.add_column(head, justify="right")
    for line in found:
        errors = [f"{line.errors[dtype]:.0e}" if dtype in line.errors else "" for dtype in BOUNDS]
        made.add_row(
            line.name,
            f"{line.parameters:,}",
            f"{line.before:.2f}",
            *errors,
            f"{line.group_seconds:.1f}",
            f"{line.seconds:.2f}",
        )
    return made


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of networks")
    parser.add_argument("--large", action="store_true", help="a ResNet-18 at 224 x 224 instead of the list")
    parser.add_argument("--seed", type=int, default=0, help="of parameters of layers and of elements")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="torch")
    console = Console()
    console.width = max(console.width, 120)
    found = []
    for line in lines(options):
        found.append(line)
        errors = ", ".join(f"{error:.0e}" for error in line.errors.values())
        print(f"{line.name}: {line.refused or errors}", file=sys.stderr)
    if not found:
        raise SystemExit(f"nothing is called {', '.join(options.only)}")
    console.print(table(found))
    faults = [fault for line in found for fault in line.faults()]
    for fault in faults:
        print(fault)
    worst = {dtype: max((line.errors.get(dtype, 0.0) for line in found), default=0.0) for dtype in BOUNDS}
    print(
        f"{len(found)} networks, {len(faults)} faults; largest errors "
        + ", ".join(f"{error:.1e} in {str(dtype).removeprefix('torch.')}" for dtype, error in worst.items())
    )
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
