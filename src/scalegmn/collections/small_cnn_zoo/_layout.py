"""Where the parameters of a network of the Small CNN Zoo lie in a row of ``weights.npy``.

``layout.csv`` has one line per variable, ``varname,start_idx,end_idx,size,shape`` (``size`` may be missing).
Kernels of convolutions are ``(height, width, in, out)``, those of dense layers ``(in, out)``, as in
TensorFlow.  The order and the shapes of an :class:`~scalegmn.networks.Architecture` are those of
PyTorch, so that reading a row is one permutation of its numbers, and writing it is the inverse.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, final

import numpy as np

from scalegmn.csv_text import csv_text, original_cell
from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, Architecture, cnn

LAYOUT: Final = "layout.csv"
STRIDE: Final = 2
"""Stride of every convolution of the zoo; no file states it."""

_FIELDS: Final = ("varname", "start_idx", "end_idx", "shape")
_NAME: Final = re.compile(r"(?P<layer>.+)/(?P<kind>bias|kernel):0")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
# The text of a tuple of one, two or four numbers.
_SHAPE: Final = re.compile(r"\(\s*[0-9]{1,9}\s*(?:,|(?:,\s*[0-9]{1,9}\s*)|(?:,\s*[0-9]{1,9}\s*){3})\)")
# A layout is a few lines; whatever is longer is another file.
_MOST_BYTES: Final = 1_000_000


@final
@dataclass(frozen=True)
class Variable:
    """One line of the file: the numbers `start` to `stop` of a row, in C order of `shape`."""

    layer: str
    kind: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name in the file."""
        return f"{self.layer}/{self.kind}:0"


@final
@dataclass(frozen=True)
class ZooLayout:
    """Convolutions with square kernels of one size, then one dense layer, each with a bias.

    Attributes:
        variables: in the order of the numbers.
        origin: the file, for messages.

    Raises:
        PopulationError: the variables overlap, leave numbers out, or belong to another kind of network.
    """

    variables: tuple[Variable, ...]
    origin: str

    def __post_init__(self) -> None:
        self._check_places()
        self._check_layers()

    def _check_places(self) -> None:
        place = 0
        for variable in self.variables:
            length = math.prod(variable.shape)
            if (variable.start, variable.stop) != (place, place + length):
                raise PopulationError(
                    f"{self.origin}: {variable.name!r} of shape {variable.shape} has the numbers "
                    f"{variable.start} to {variable.stop}; expected {place} to {place + length}, so that it "
                    "follows on the variable before and has as many numbers as its shape"
                )
            place = variable.stop

    def _check_layers(self) -> None:
        named = [variable.name for variable in self.variables]
        wanted = {f"{layer}/{kind}:0" for layer in self.layers for kind in ("bias", "kernel")}
        if len(named) != len(set(named)) or set(named) != wanted:
            raise PopulationError(
                f"{self.origin}: has the variables {named}; expected one bias and one kernel per layer"
            )
        kernels = self.kernels
        ranks = [len(shape) for shape in kernels]
        if len(ranks) < 2 or ranks != [4] * (len(ranks) - 1) + [2]:
            raise PopulationError(
                f"{self.origin}: the kernels are {kernels}; expected (height, width, in, out) for one or "
                "more convolutions and (in, out) for the dense layer at the end"
            )
        if len({size for shape in kernels[:-1] for size in shape[:2]}) != 1:
            raise PopulationError(f"{self.origin}: the kernels are {kernels}; expected squares of one size")
        outputs = [shape[-1] for shape in kernels]
        if [shape[-2] for shape in kernels[1:]] != outputs[:-1]:
            raise PopulationError(
                f"{self.origin}: the kernels are {kernels}; expected each layer to read what the one before "
                "gives"
            )
        biases = [self._shape_of(layer, "bias") for layer in self.layers]
        if biases != [(count,) for count in outputs]:
            raise PopulationError(
                f"{self.origin}: the biases are {biases}; expected one number per output, {outputs}"
            )

    def _shape_of(self, layer: str, kind: str) -> tuple[int, ...]:
        return next(v.shape for v in self.variables if (v.layer, v.kind) == (layer, kind))

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order."""
        return tuple(dict.fromkeys(variable.layer for variable in self.variables))

    @cached_property
    def kernels(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the kernels, in order of the layers."""
        return tuple(self._shape_of(layer, "kernel") for layer in self.layers)

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.variables[-1].stop

    def architecture(self, *, activation: str, padding: int) -> Architecture:
        """The networks that the rows are, given what only the table says and what no file says."""
        *convolutions, dense = self.kernels
        return cnn(
            channels=[convolutions[0][2], *(shape[3] for shape in convolutions)],
            classes=dense[1],
            activations=[Activation(activation)] * len(convolutions),
            kernel=convolutions[0][0],
            stride=STRIDE,
            padding=padding,
        )

    @cached_property
    def order(self) -> np.ndarray:
        """``theta = rows[:, order]``: the place in a row of every parameter of the architecture, ``(P,)``."""
        places: dict[tuple[str, str], np.ndarray] = {}
        for v in self.variables:
            axes = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}[len(v.shape)]
            places[v.layer, v.kind] = np.arange(v.start, v.stop).reshape(v.shape).transpose(axes).ravel()
        return np.concatenate([places[layer, kind] for layer in self.layers for kind in ("kernel", "bias")])

    @cached_property
    def inverse(self) -> np.ndarray:
        """``rows = theta[:, inverse]``, ``(P,)``."""
        return np.argsort(self.order)

    def to_csv(self) -> str:
        """The text of the file, as it was published."""
        rows = ((v.name, v.start, v.stop, v.stop - v.start, str(v.shape)) for v in self.variables)
        return csv_text([("varname", "start_idx", "end_idx", "size", "shape"), *rows])

    @classmethod
    def from_sizes(cls, *, channels: tuple[int, ...], classes: int, kernel: int) -> ZooLayout:
        """The layout of networks of these sizes as the zoo has it: biases before kernels."""
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for number, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
            name = "sequential/conv2d" + (f"_{number}" if number else "")
            shapes.append((name, (kernel, kernel, inputs, outputs)))
        shapes.append(("sequential/dense", (channels[-1], classes)))
        variables, place = [], 0
        for name, shape in shapes:
            for kind, part in (("bias", shape[-1:]), ("kernel", shape)):
                stop = place + math.prod(part)
                variables.append(Variable(name, kind, place, stop, part))
                place = stop
        return cls(tuple(variables), "layout")

    @classmethod
    def read(cls, path: Path) -> ZooLayout:
        """Read ``layout.csv``.  Cells are parsed; nothing in them is ever evaluated.

        Raises:
            PopulationError: the file is missing or damaged, or describes another kind of network.
        """
        try:
            size = path.stat().st_size
            text = path.read_text(encoding="utf-8-sig") if size <= _MOST_BYTES else ""
            lines = [line for line in csv.reader(io.StringIO(text), strict=True) if line]
        except (OSError, ValueError, csv.Error) as error:
            raise PopulationError(f"{path}: cannot be read as a layout: {error}") from error
        if len(lines) < 2 or not set(_FIELDS) <= set(lines[0]):
            found = f"begins with {lines[0]}" if lines else f"has {size} bytes"
            raise PopulationError(
                f"{path}: {found}; expected the columns {list(_FIELDS)} and one line for each variable"
            )
        return cls(tuple(_variables(lines, path)), str(path))


def _variables(lines: list[list[str]], path: Path) -> Iterator[Variable]:
    header = lines[0]
    for number, cells in enumerate(lines[1:], start=2):
        where = f"{path}, line {number}"
        if len(cells) != len(header):
            raise PopulationError(f"{where}: has {len(cells)} cells, expected {len(header)}")
        line = dict(zip(header, map(original_cell, cells), strict=True))
        name = _NAME.fullmatch(line["varname"])
        if name is None:
            raise PopulationError(
                f"{where}: the variable is called {line['varname']!r}, expected LAYER/bias:0 or "
                "LAYER/kernel:0"
            )
        start, stop = _number(line, "start_idx", where), _number(line, "end_idx", where)
        if "size" in line and _number(line, "size", where) != stop - start:
            raise PopulationError(f"{where}: the size is {line['size']}, expected {stop - start}")
        yield Variable(name["layer"], name["kind"], start, stop, _shape(line["shape"], where))


def _number(line: Mapping[str, str], name: str, where: str) -> int:
    if not _NUMBER.fullmatch(line[name]):
        raise PopulationError(f"{where}: {name} is {line[name]!r}, expected a whole number")
    return int(line[name])


def _shape(text: str, where: str) -> tuple[int, ...]:
    shape = tuple(map(int, re.findall(r"[0-9]+", text))) if _SHAPE.fullmatch(text.strip()) else ()
    if not shape or 0 in shape:
        raise PopulationError(
            f"{where}: the shape is {text!r}, expected one, two or four positive numbers such as "
            "'(3, 3, 1, 16)'"
        )
    return shape
