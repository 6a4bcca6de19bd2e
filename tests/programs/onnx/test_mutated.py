"""Files with some bytes changed: each is read or refused in a sentence, and nothing else happens."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from scalegmn.checkpoints import FileContents
from scalegmn.checkpoints.onnx._decoding import decode_onnx
from scalegmn.checkpoints.onnx._external import ExternalFiles
from scalegmn.checkpoints.onnx._reading import _model
from scalegmn.errors import CheckpointError, ProgramError
from scalegmn.programs.onnx._parameters import parameters_of
from scalegmn.programs.onnx._resolving import resolve
from scalegmn.programs.onnx._sizes import input_types

from .networks import NETWORKS


def _mutated(content: bytes, numbers: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(numbers.choice((1, 1, 2, 8))):
        place = numbers.randrange(len(changed))
        kind = numbers.randrange(5)
        if kind == 0:
            changed[place] = numbers.randrange(256)
        elif kind == 1:
            changed[place] ^= 1 << numbers.randrange(8)
        elif kind == 2:
            del changed[place : place + numbers.choice((1, 2, 50))]
        elif kind == 3:
            other = numbers.randrange(len(changed))
            changed[place:place] = changed[other : other + numbers.choice((1, 4, 60))]
        else:
            changed[place : place + 1] = b"\xff\xff\xff\xff\x7f"
    return bytes(changed)


def _outcome(content: bytes) -> str:
    """What becomes of a file: in this process, as in the worker and in its parent."""
    try:
        contents = decode_onnx(content, max_bytes=2**24, confined=True)
        found = FileContents("0" * 64, len(content), contents)
        external = ExternalFiles(Path("net.onnx"), allowed=False, max_bytes=2**24)
        model = _model(found, external, origin="net.onnx")
        types = input_types(model, {})
        parameters = {name: one.value for name, one in parameters_of(model).items()}
        resolve(model, inputs=types, parameters=parameters)
    except (CheckpointError, ProgramError) as error:
        message = str(error)
        assert message.isprintable() and len(message) <= 500
        return type(error).__name__
    return "read"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["perceptron", "residual block", "language model"])
def test_a_sentence_or_a_network(name: str, tmp_path: Path) -> None:
    content = NETWORKS[name].graph().save(tmp_path).read_bytes()
    assert _outcome(content) == "read"
    numbers = random.Random(name)
    outcomes = Counter(_outcome(_mutated(content, numbers)) for _ in range(150))
    # Most changes hit weights or structure; all three outcomes have to be among them.
    assert set(outcomes) >= {"read", "CheckpointError"}, outcomes
    assert sum(outcomes.values()) == 150
