"""Reading pickles without running them; what they try is shown to work in Python's own reader."""

from __future__ import annotations

import dataclasses
import pickle
import pickletools
import sys
from pathlib import Path, PosixPath
from types import ModuleType

import numpy as np
import pytest

from scalegmn.checkpoints import StandIn
from scalegmn.checkpoints import _restricted_pickle as restricted_pickle
from scalegmn.checkpoints._mistaken import starts_like_pickle
from scalegmn.checkpoints._restricted_pickle import read_pickle
from scalegmn.checkpoints._stand_ins import Name, Storage, StoredTensor
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

PROTOCOLS = (2, 3, 4, 5)
PLAIN = {
    "numbers": [0, -1, 255, 70_000, 2**40, -(2**90), 1.5, float("inf")],
    "texts": ("", "ä", "x" * 300),
    "truth": {True: None, 1.5: False},
    7: [[], {}, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
}


class Trap:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> object:
        return self.call


def text(value: str) -> bytes:
    """The instruction that pushes a text."""
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def refused(content: bytes) -> UnsafeCheckpointError:
    with pytest.raises(UnsafeCheckpointError) as caught:
        read_pickle(content)
    return caught.value


def broken(content: bytes) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_pickle(content)
    return str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values(protocol: int) -> None:
    content = pickle.dumps(PLAIN, protocol=protocol)
    assert repr(read_pickle(content)) == repr(PLAIN)


def test_shared_values_stay_shared() -> None:
    inner: list[object] = [1]
    found = read_pickle(pickle.dumps([inner, inner]))
    assert isinstance(found, list) and found[0] is found[1]
    inner.append(inner)
    found = read_pickle(pickle.dumps(inner))
    assert isinstance(found, list) and found[1] is found


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A library that exists only while files are written."""
    module = ModuleType("foreign.library")
    for name in ("foreign", "foreign.library"):
        monkeypatch.setitem(sys.modules, name, module)

    @dataclasses.dataclass(frozen=True)
    class Config:
        depth: int
        widths: list[int]

    class Words(list):
        pass

    class Table(dict):
        pass

    class Point:
        def __new__(cls, x: int = 0, *, y: int = 0) -> Point:
            return super().__new__(cls)

        def __getnewargs_ex__(self) -> object:
            return (1,), {"y": 2}

        def __getstate__(self) -> object:
            return (None, {"slot": 3})

    for kind in (Config, Words, Table, Point):
        kind.__module__, kind.__qualname__ = module.__name__, kind.__name__
        setattr(module, kind.__name__, kind)
    return module


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_objects_become_stand_ins(
    foreign: ModuleType, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = foreign.Config(3, [4, 5])
    words, table = foreign.Words("ab"), foreign.Table(key=[1])
    words.attribute = 1
    # Older protocols write this one with functools.partial, which is refused.
    point = foreign.Point() if protocol >= 4 else config
    content = pickle.dumps([config, words, table, foreign.Config, point], protocol=protocol)
    monkeypatch.delitem(sys.modules, "foreign.library")
    monkeypatch.delitem(sys.modules, "foreign")
    found = read_pickle(content)
    assert isinstance(found, list)
    one, two, three, four, five = found
    assert isinstance(one, StandIn) and one.name == "foreign.library.Config"
    assert one.state == {"depth": 3, "widths": [4, 5]}
    assert isinstance(two, StandIn) and (two.elements, two.state) == (["a", "b"], {"attribute": 1})
    assert isinstance(three, StandIn) and three.items == {"key": [1]}
    assert four == Name("foreign.library.Config")
    assert isinstance(five, StandIn)
    if protocol >= 4:
        assert five.arguments == (1, {"y": 2}) and five.state == (None, {"slot": 3})
    assert "foreign" not in sys.modules


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_common_objects_of_python_and_numpy(protocol: int) -> None:
    values = [{1, 2}, PosixPath("/a/b"), np.float64(0.5), list[int]]
    found = read_pickle(pickle.dumps(values, protocol=protocol))
    assert isinstance(found, list)
    assert all(isinstance(value, StandIn) for value in found)
    assert "numpy" in found[2].name and found[1].name.startswith("pathlib")


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "innocent_library.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nx = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    content = b"\x80\x02cinnocent_library\nx\n."
    assert read_pickle(content) == Name("innocent_library.x")
    assert "innocent_library" not in sys.modules and not (tmp_path / "ran").exists()
    # This checks the test: Python's own reader does import it.
    assert pickle.loads(content) == 1
    assert (tmp_path / "ran").exists()
    monkeypatch.delitem(sys.modules, "innocent_library")


def attacks(target: Path) -> dict[str, bytes]:
    """Pickles that make the file `target` when Python reads them."""
    import builtins
    import os
    import subprocess

    command = f"touch {target}"
    code = f"open({str(target)!r}, 'w').close()"
    dotted = b"\x80\x04" + text("pathlib") + text("os.system") + b"\x93" + text(command) + b"\x85R."
    # getattr(__import__('os'), 'system')(command)
    imported = b"c__builtin__\n__import__\n" + text("os") + b"\x85R"
    getting = (
        b"\x80\x02c__builtin__\ngetattr\n" + imported + text("system") + b"\x86R" + text(command) + b"\x85R."
    )
    return {
        "os": pickle.dumps(Trap(os.system, command)),
        "os, protocol 2": pickle.dumps(Trap(os.system, command), protocol=2),
        "old names": b"\x80\x02cposix\nsystem\n" + text(command) + b"\x85R.",
        "subprocess": pickle.dumps(Trap(subprocess.check_call, ["touch", str(target)])),
        "eval": pickle.dumps(Trap(builtins.eval, code)),
        "exec": pickle.dumps(Trap(builtins.exec, code), protocol=2),
        "getattr": getting,
        "name with a dot": dotted,
        "inside a dict": pickle.dumps({"model": {}, "config": [Trap(os.system, command)]}, protocol=2),
    }


@pytest.mark.parametrize("name", attacks(Path("x")))
def test_attacks_are_refused_and_do_not_run(name: str, tmp_path: Path) -> None:
    target = tmp_path / "ran"
    content = attacks(target)[name]
    refused(content)
    assert not target.exists()
    # This checks the test: the attack works where it is let.
    pickle.loads(content)
    assert target.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torch.hub", "load"),
        ("torch.hub load", ""),
        ("torch", "hub.load"),
        ("torch", "load"),
        ("torch.serialization", "load"),
        ("torch._utils", "_import_dotted_name"),
        ("torch.storage", "_load_from_bytes"),
        ("os.path", "os.system"),
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("builtins", "__import__"),
        ("importlib", "import_module"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
        ("functools", "partial"),
        ("functools", "reduce"),
        ("copyreg", "add_extension"),
        ("copy_reg", "__newobj__"),
        ("runpy", "run_path"),
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("shutil", "rmtree"),
        ("pathlib", "Path.unlink"),
        ("typing", "sys.modules"),
        ("omegaconf.base", "sys.modules"),
        ("", "system"),
    ],
)
def test_names_that_no_checkpoint_needs(module: str, name: str) -> None:
    by_stack = b"\x80\x04" + text(module) + text(name) + b"\x93."
    assert name in str(refused(by_stack))
    if module and " " not in module:
        refused(f"\x80\x02c{module}\n{name}\n.".encode("latin-1"))
        # Followed by a call, and with something made of the call.
        refused(f"\x80\x02c{module}\n{name}\n)Rq\x00}}b.".encode("latin-1"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x80\x04" + text("os") + b"K\x01\x93.", "computed name"),
        (b"\x80\x04K\x01" + text("system") + b"\x93.", "computed name"),
        (b"\x80\x02K\x01)R.", "call of a int"),
        (b"\x80\x02cforeign\nx\n)R)R.", "call of a StandIn"),
        (b"\x80\x02cforeign\nx\n)R)\x81.", "call of a StandIn"),
        (b"\x80\x02}q\x00)R.", "call of a dict"),
        (b"\x80\x02cforeign\nx\n}b.", "attributes of a Name"),
        (b"\x80\x02ccollections\nOrderedDict\n}b.", "attributes of a Name"),
        (b"\x80\x02]}b.", "attributes of a list"),
        (b"\x80\x02X\x01\x00\x00\x00a}b.", "attributes of a str"),
    ],
)
def test_calls_and_states_of_other_values(content: bytes, what: str) -> None:
    assert what in str(refused(content))


STORAGE = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04tQ"


def tensor(arguments: bytes) -> bytes:
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR."


def test_tensors_are_described() -> None:
    found = read_pickle(tensor(STORAGE + b"K\x01K\x03\x85K\x01\x85\x89ccollections\nOrderedDict\n)R"))
    assert isinstance(found, StoredTensor)
    assert (found.offset, found.size, found.stride) == (1, (3,), (1,))
    assert (found.storage.key, found.storage.numel) == ("0", 4)


@pytest.mark.parametrize(
    "arguments",
    [
        b"",
        STORAGE,
        b"K\x00K\x00K\x03\x85K\x01\x85",
        STORAGE + b"K\x00K\x03\x85",
        STORAGE + b"J\xff\xff\xff\xffK\x03\x85K\x01\x85",
        STORAGE + b"K\x00" + text("3") + b"\x85K\x01\x85",
        STORAGE + b"K\x00\x8b\x00\x02\x00\x00" + b"\x7f" * 512 + b"\x85K\x01\x85",
        STORAGE + b"K\x00]K\x01\x85",
    ],
)
def test_tensors_with_wrong_arguments(arguments: bytes) -> None:
    assert "describes a tensor" in broken(tensor(arguments))


@pytest.mark.parametrize(
    "reference",
    [
        b"K\x01",
        b"cforeign\nx\n",
        b"cforeign\nx\n)R",
        b")",
        b"(" + text("module") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04t",
        b"(" + text("storage") + b"cforeign\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04t",
        b"(" + text("storage") + text("torch.FloatStorage") + text("0") + text("cpu") + b"K\x04t",
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + b"K\x00" + text("cpu") + b"K\x04t",
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"J\xff\xff\xff\xfft",
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04K\x04t",
        b"(" + text("storage") + b"ctorch\nSize\n" + text("0") + text("cpu") + b"K\x04t",
    ],
)
def test_persistent_identifiers_other_than_storages(reference: bytes) -> None:
    assert "not a storage" in broken(b"\x80\x02" + reference + b"Q.")


def test_persistent_identifier_of_a_storage() -> None:
    found = read_pickle(b"\x80\x02" + STORAGE + b".")
    assert isinstance(found, Storage)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "exhausted"),
        (b"\x80\x02", "exhausted"),
        (b"\x80\x02.", "operand"),
        (b"\x80\x02K\x01K\x02(0000.", "operand"),
        (b"\x80\x02K\x01(\x85.", "operand"),
        (b"\x80\x02t.", "mark"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02K\x01q\x00K\x02K\x03s.", "items into a int"),
        (b"\x80\x02)K\x01a.", "elements into a tuple"),
        (b"\x80\x02}(K\x01u.", "no value"),
        (b"\x80\x02}(" + b"K\x01" * 64 + b"t]s.", "key of a dict is a tuple of more than 64"),
        (b"\x80\x02}" + b")" + b"2\x86" * 40 + b"]s.", "key of a dict is a tuple of more than 64"),
        (b"\x80\x02}]\x85]s.", "key of a dict is a list"),
        (b"\x80\x02}]]s.", "key of a dict is a list"),
        (b"\x80\x02}" + STORAGE + b"]s.", "key of a dict is a Storage"),
        (b"\x80\x02cforeign\nx\nK\x01R.", "not a tuple"),
        (b"\x80\x02(cos.path\n", "damaged"),
        (b"\x80\x02Pid\n.", "instruction PERSID"),
        (b"\x80\x02I" + b"9" * 5000 + b"\n.", "damaged"),
        (b"\xff\xff", "damaged"),
    ],
)
def test_damaged_pickles(content: bytes, reason: str) -> None:
    assert reason in broken(content)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_keys_that_configurations_have(protocol: int) -> None:
    """Objects are keys of their own; tuples are short, so that their hashes can be foreseen."""
    keys: list[object] = [1, 2.5, b"a", None, "b", (1, "c"), (), str, PosixPath("/a"), frozenset({1})]
    found = read_pickle(pickle.dumps(dict.fromkeys(keys, 1), protocol=protocol))
    assert isinstance(found, dict) and list(found.values()) == [1] * len(keys)
    found_type = Name("builtins.unicode" if protocol == 2 else "builtins.str")
    assert [repr(key) for key in found][:5] == [repr(key) for key in keys][:5]
    assert list(found)[5:8] == [(1, "c"), (), found_type]
    assert all(isinstance(key, StandIn) for key in list(found)[8:])


def test_old_ways_to_make_objects() -> None:
    """Protocol 0 makes objects with INST and OBJ; a name may also be a number in a registry."""
    for content in (b"(cforeign\nx\no.", b"(iforeign\nx\n."):
        found = read_pickle(content)
        assert isinstance(found, StandIn) and found.name == "foreign.x" and found.called
    assert "os.system" in str(refused(b"(ios\nsystem\n."))
    assert "registry" in str(refused(b"\x80\x02\x82\x01."))


def test_long_pickles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # As many as are really allowed would take a minute with the checks of shapes.
    monkeypatch.setattr(restricted_pickle, "MOST_INSTRUCTIONS", 2000)
    assert read_pickle(b"N0" * 999 + b"N.") is None
    assert "2,000 instructions" in broken(b"N0" * 1000 + b"N.")


def test_deep_nesting() -> None:
    """A tuple in a tuple and so on: read, and not followed."""
    deep = b"\x80\x02)" + b"\x85" * 10_000
    found = read_pickle(deep + b".")
    assert isinstance(found, tuple)
    # As a key its hash would overflow the stack of the process.
    assert "key of a dict is a tuple" in broken(b"\x80\x02}" + deep[2:] + b"Ns.")


@pytest.mark.slow
def test_what_is_cut_off_or_changed_is_refused_or_read() -> None:
    """Whatever the bytes are, the answer is a value or an error of the library."""
    content = pickle.dumps([PLAIN, {1}, PosixPath("/a")], protocol=2) + b""
    content = content[:-1] + STORAGE + b"\x86."
    read_pickle(content)
    for length in range(len(content)):
        broken(content[:length])
    g = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    for _ in range(1500):
        damaged = bytearray(content)
        for place in g.integers(len(damaged), size=3):
            damaged[place] = g.integers(256)
        try:
            read_pickle(bytes(damaged))
            outcomes[True] += 1
        except CheckpointError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 50


@pytest.mark.parametrize("opcode", pickletools.opcodes, ids=lambda opcode: opcode.name)
def test_every_instruction_is_followed_or_refused(opcode: pickletools.OpcodeInfo) -> None:
    content = b"\x80\x02K\x01K\x02" + opcode.code.encode("latin-1") + b"\x00" * 9 + b"."
    try:
        read_pickle(content)
    except CheckpointError as error:
        assert str(error)


def test_backslashes_are_no_warning() -> None:
    """Python's list of instructions warns of them, and warnings are errors here."""
    assert "damaged" in broken(b"\x80\x02cfor\\Beign\nx\n.")
    assert not starts_like_pickle(b"P" + bytes(7) + b'{"a":"\\B"}\n\\B\n.')
