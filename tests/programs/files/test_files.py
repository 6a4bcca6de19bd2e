"""Programs as text: read as they were written, and refused where anything does not hang together."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from scalegmn.errors import DiskError, ProgramError, UnsupportedOperationError
from scalegmn.programs import Instruction, Operand, Program, ValueType, run_program
from scalegmn.programs.files import (
    fingerprint,
    load_program,
    program_from_json,
    program_to_json,
    save_program,
)
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator


class Everything(nn.Module):
    """A mask with infinite entries, a batch norm, a shared weight, a list among the arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.full((3, 3), -math.inf).triu(1)
        h = torch.softmax(self.first(self.norm(x))[:, None] + mask, dim=-1)
        return self.second(torch.cat([h, h], dim=1)).sum(dim=(1,))


MODULE = Everything()
PROGRAM = trace(MODULE, (torch.zeros(2, 3),))
PLAIN = json.loads(program_to_json(PROGRAM))


def test_what_is_read_is_what_was_written() -> None:
    text = program_to_json(PROGRAM)
    again = program_from_json(text)

    assert again == PROGRAM
    assert hash(again) == hash(PROGRAM)
    assert program_to_json(again) == text
    assert fingerprint(again) == fingerprint(PROGRAM)
    x = torch.randn(2, 3, generator=generator(0))
    state = fold(again, MODULE.state_dict())
    assert torch.equal(run_program(again, state, [x])[0], run_program(PROGRAM, state, [x])[0])


def test_the_text_of_a_program_does_not_hang_on_the_numbers_of_its_network() -> None:
    assert fingerprint(trace(Everything(), (torch.ones(2, 3),))) == fingerprint(PROGRAM)
    assert fingerprint(trace(Everything(), (torch.ones(4, 3),))) != fingerprint(PROGRAM)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    save_program(PROGRAM, path)

    assert load_program(path) == PROGRAM
    with pytest.raises(ProgramError, match=r"nothing\.json"):
        load_program(tmp_path / "nothing.json")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ProgramError, match=r"network\.json.*cannot be read"):
        load_program(path)
    with pytest.raises(DiskError):
        save_program(PROGRAM, tmp_path)


def test_numbers_that_are_not_finite_keep_their_kind() -> None:
    (given,) = trace(nn.Linear(2, 2), (torch.zeros(1, 2),)).inputs
    clamped = Program(
        inputs=(given,),
        parameters=(),
        constants=(),
        instructions=(
            Instruction(
                operation="aten.mul.Tensor",
                arguments=(Operand(0), -math.inf),
                outputs=(ValueType((1, 2)),),
            ),
        ),
        outputs=(Operand(1),),
    )

    assert program_from_json(program_to_json(clamped)) == clamped


def changed(path: list[str | int], value: Any) -> str:
    """The text of the program with one entry replaced."""
    plain = copy.deepcopy(PLAIN)
    at = plain
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(plain)


def place_of(operation: str) -> int:
    return next(i for i, one in enumerate(PLAIN["instructions"]) if one["operation"] == operation)


VIEW = place_of("aten.cat.default")
FAULTS: dict[str, tuple[list[str | int], Any, str]] = {
    "no program": (["format"], "weights", "version"),
    "a later version": (["version"], 2, "version"),
    "a value of later": (["instructions", 0, "arguments", 0], {"value": 10_000}, "uses value 10000"),
    "its own value": (["outputs", 0], 10_000, "uses value"),
    "a negative value": (["outputs", 0], -1, "integer from 0"),
    "a truth value": (["outputs", 0], True, "integer from 0"),
    "another operation": (["instructions", 0, "operation"], "os.system", "os.system"),
    "a private operation": (["instructions", 0, "operation"], "aten.__init__.default", "__init__"),
    "a shape too many": (["instructions", VIEW, "outputs", 0, "shape"], [2, 6, 4], "makes 2x6x3"),
    "a huge axis": (["inputs", 0, "shape"], [2**40, 3], "shape"),
    "many axes": (["inputs", 0, "shape"], [1] * 99, "at most 16"),
    "a huge product": (["inputs", 0, "shape"], [2**20, 2**20], "entries"),
    "a kind of numbers": (["inputs", 0, "dtype"], "load", "one of bool"),
    "too few arguments": (["instructions", VIEW, "arguments"], [], "does not take its arguments"),
    "deep lists": (["instructions", VIEW, "arguments", 0], [[[[[0]]]]], "lists within each other"),
    "a huge literal": (["instructions", VIEW, "arguments", 1], 2**70, "integer"),
    "an unknown literal": (["instructions", VIEW, "arguments", 1], {"code": "1"}, "literal"),
    "no bytes": (["constants", 0, "data"], "!", "base64"),
    "too few bytes": (["constants", 0, "data"], "AAAA", "bytes"),
    "the name of another": (["parameters", 0, "name"], PLAIN["parameters"][1]["name"], "twice"),
    "a folding without an end": (["foldings", 0, "kind"], "pickle", "no folding"),
    "a folding of a number": (["foldings", 0, "name"], 3, "does not fit"),
    "a folding of nothing": (["foldings", 0, "name"], "elsewhere", "elsewhere"),
    "a text without an end": (["instructions", 0, "module"], "x" * 5000, "at most 1,000"),
    "an entry too many": (["inputs", 0], {**PLAIN["inputs"][0], "code": 1}, "name, shape, dtype"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_in_one_sentence(name: str) -> None:
    path, value, says = FAULTS[name]

    with pytest.raises(ProgramError, match=says) as caught:
        program_from_json(changed(path, value))

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 500


def test_text_that_is_none() -> None:
    for text in ("", "[", "[" * 10_000, '{"a": NaN}', "null", "3"):
        with pytest.raises(ProgramError):
            program_from_json(text)


def places(plain: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all entries."""
    found = [path] if path else []
    parts = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, part in parts:
        found.extend(places(part, (*path, key)))
    return found


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.just(2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.integers(-1, 5), max_size=4),
    st.builds(lambda index: {"value": index}, st.integers(0, 40)),
    st.sampled_from(["aten.relu.default", "aten.view.default", "int64", "float64", "tied"]),
)


def check_it_runs_or_says_why_not(program: Program) -> None:
    state = MODULE.state_dict()
    try:
        effective = fold(program, state)
        unfold(program, effective, like=state)
        inputs = [
            torch.ones(given.type.shape, dtype=getattr(torch, given.type.dtype)) for given in program.inputs
        ]
        run_program(program, effective, inputs)
    except ProgramError as error:
        assert str(error).isprintable()


@pytest.mark.slow
@given(place=st.sampled_from(places(PLAIN)), value=VALUES)
def test_changed_programs_are_refused_or_hang_together(place: tuple[str | int, ...], value: Any) -> None:
    try:
        program = program_from_json(changed(list(place), value))
    except (ProgramError, UnsupportedOperationError) as error:
        assert str(error).isprintable()
        return

    assert program_from_json(program_to_json(program)) == program
    check_it_runs_or_says_why_not(program)
    sizes = len(program.inputs) + len(program.parameters) + len(program.constants)
    for instruction in program.instructions:
        assert all(operand.index < sizes for operand in instruction.operands())
        sizes += len(instruction.outputs)
    assert all(operand.index < sizes for operand in program.outputs)
