"""All hostile kinds: refused with one sentence, quickly, in bounded memory, and nothing of them runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from scalegmn.checkpoints import decode, read_networks
from scalegmn.errors import CheckpointError, UnsafeCheckpointError
from tests.checkpoints import crafting as c
from tests.checkpoints.hostile import HOSTILE, OLD, PICKLE, W

DOCUMENT = Path(__file__).parents[2] / "docs" / "scanning.md"
MOST_BYTES = 2**24
# Reads files of other processes without their checks of types at every call, and says what that took.
READS = """
import json, resource, sys, time
from scalegmn.checkpoints._decoding import decode
from scalegmn.errors import CheckpointError
known, found = set(sys.modules), {}
for path in sys.argv[1:]:
    content = open(path, "rb").read()
    used, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        decode(content, max_bytes=2**24)
        said = ""
    except CheckpointError as error:
        said = str(error)
    spent = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
    # In kilobytes under Linux alone.
    found[path] = [said, spent, grown if sys.platform == "linux" else 0]
print(json.dumps([found, sorted(set(sys.modules) - known)]))
"""


def put(folder: Path, content: bytes, name: str = "n") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def refusal(path: Path) -> str:
    """The error for a file that is read as a scan reads it: for the file, or for every network in it."""
    try:
        found = read_networks(path, max_bytes=MOST_BYTES)
    except CheckpointError as error:
        return str(error)
    errors = [str(one) for one in found.networks if isinstance(one, CheckpointError)]
    assert len(errors) == len(found.networks), f"it was read: {found.networks}"
    return errors[0]


@pytest.mark.slow
def test_hostile_kinds_are_refused(tmp_path: Path) -> None:
    paths = {str(put(tmp_path, HOSTILE[kind](), str(n))): kind for n, kind in enumerate(HOSTILE)}
    ran = subprocess.run([sys.executable, "-c", READS, *paths], capture_output=True, check=True, timeout=300)
    found, imported = json.loads(ran.stdout)
    assert set(imported) <= {"stringprep"} and not ran.stderr
    for path, (said, spent, grown) in found.items():
        text = said or refusal(Path(path)).removeprefix(path)
        assert 20 < len(text) < 500 and text.isprintable(), paths[path]
        # Of processor time, on a machine that others use too; what has no bound takes minutes and gigabytes.
        assert spent < 5 and grown < 150_000, (paths[path], spent, grown)
    assert len(found) == len(HOSTILE)


def test_names_that_run_code_are_called_unsafe(tmp_path: Path) -> None:
    for kind in PICKLE:
        if kind.startswith(("pickle: ", "dict: ")) and "behind its end" not in kind:
            content = PICKLE[kind]()
            plain = "value left over", "memo that is empty", "text of Python 2", "attributes as"
            expected = CheckpointError if any(part in kind for part in plain) else UnsafeCheckpointError
            with pytest.raises(expected):
                decode(content, max_bytes=MOST_BYTES)


def test_number_of_hostile_kinds_is_stated() -> None:
    stated = re.search(r"(\d+) hostile kinds", DOCUMENT.read_text(encoding="utf-8"))
    assert stated is not None and int(stated[1]) == len(HOSTILE)


def numbers(value: torch.Tensor) -> list[float]:
    return value.detach().resolve_neg().flatten().tolist()


# What torch reads in some of these files, unlike the first numbers that stand in them.
FOOLED = {
    "zip: two entries for one member": {"w": [1.0, 2.0, 3.0, 4.0]},
    "zip: storage without a tensor": {"w": [1.0, 2.0, 3.0, 4.0]},
    "tensor: numbers changed by a state": {"w": [9.0] * 4},
    "tensor: emptied by an empty state": {"w": []},
    "tensor: emptied by an empty dict": {"w": []},
    "tensor: numbers in an attribute of a parameter": {"w": [9.0] * 4},
    "tensor: marked negative": {"w": [-1.0, -2.0, -3.0, -4.0]},
    "legacy: two views of one name": {"v": [1.0, 2.0], "w": [1.0, 2.0]},
    "legacy: view with the name of a storage": {"w": [1.0, 2.0]},
    "two formats: safetensors that are a pickle": {"w": [9.0] * 4},
    "legacy: bytes behind the numbers": {"w": [1.0, 2.0, 3.0, 4.0]},
}


@pytest.mark.parametrize("kind", FOOLED)
def test_torch_would_have_read_them(kind: str, tmp_path: Path) -> None:
    """This checks the tests: what is refused is no damage, but something that torch reads."""
    loaded = torch.load(put(tmp_path, HOSTILE[kind]()), weights_only=True)
    assert {name: numbers(value) for name, value in loaded.items()} == FOOLED[kind]


def test_safetensors_that_are_a_pickle_are_safetensors() -> None:
    loaded = safetensors.torch.load(HOSTILE["two formats: safetensors that are a pickle"]())
    assert numbers(loaded["w"]) == np.frombuffer(b"A" * 16, "<f4").tolist()


def test_attributes_hide_methods_from_torch(tmp_path: Path) -> None:
    loaded = torch.load(put(tmp_path, HOSTILE["dict: values hidden by an attribute"]()), weights_only=True)
    assert loaded.values is torch.Size


def test_tar_comes_before_pickles_in_torch(tmp_path: Path) -> None:
    content = HOSTILE["two formats: tar archive that is a pickle"]()
    with pytest.raises((RuntimeError, KeyError), match=r"tar|storages"):
        torch.load(put(tmp_path, content), weights_only=True)


@pytest.mark.parametrize(
    "content",
    [
        c.archive_of(W),
        c.archive_of(W, protocol=5),
        c.legacy_file(OLD),
        c.safetensors({"w": c.described()}),
        c.safetensors({"w": c.described()}, padding="   \n"),
        c.npz(c.npy_header()),
        c.npz(c.npy_header(), version=(3, 0)),
    ],
    ids=["zip", "zip, protocol 5", "legacy", "safetensors", "safetensors, padded", "npz", "npz, version 3"],
)
def test_what_is_made_by_hand_can_be_read(content: bytes, tmp_path: Path) -> None:
    """This checks the tests: without what is hostile about them, such files are fine."""
    (found,) = read_networks(put(tmp_path, content)).networks
    assert not isinstance(found, CheckpointError)
    assert numbers(found.tensors["w"]) == [1, 2, 3, 4]


def test_headers_of_all_lengths_are_no_pickles() -> None:
    """The length of a header of safetensors may be an instruction of a pickle by chance."""
    for length in range(1, 3000, 7):
        name = ("blocks.0.weight." * 200)[:length]
        content = c.safetensors({name: c.described()})
        assert decode(content, max_bytes=MOST_BYTES).entries[0].path == (name,)
