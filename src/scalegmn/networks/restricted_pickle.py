"""What a pickle says, without doing what it says.

Some published checkpoints hold objects of other libraries beside their tensors.  Python's own reader would
import those libraries and call what the file names.  Here the instructions of a pickle are followed one by
one, and whatever would be looked up or called is only written down: a name becomes a
:class:`~scalegmn.networks.stand_ins.Name`, a call becomes a :class:`~scalegmn.networks.stand_ins.StandIn`
with its arguments, and a tensor becomes a :class:`~scalegmn.networks.stand_ins.StoredTensor`.  Nothing of the
file is ever imported or called, because nothing here imports or calls.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from scalegmn.errors import CheckpointError
from scalegmn.networks.pickles import unsafe
from scalegmn.networks.stand_ins import Name, StandIn, name_of, storage_of, value_of_call

MOST_BYTES: Final = 4 * 2**20
"""Longer pickles are refused; that of one small network has some ten thousand bytes."""


def read_pickle(content: bytes, *, origin: str) -> object:
    """The value that a pickle describes, made of plain values and of stand-ins.

    Ordered and default dictionaries become plain ones.  Values may be shared, and may contain themselves.

    Args:
        content: the pickle, protocol 2 to 5.
        origin: where it comes from, for messages.

    Raises:
        UnsafeCheckpointError: it names something that would run code; nothing ran.
        CheckpointError: it is too long, damaged, or uses an instruction that ``torch.save`` does not.
    """
    if len(content) > MOST_BYTES:
        raise CheckpointError(
            f"{origin}: its pickle has {len(content):,} bytes, which is more than {MOST_BYTES:,}; expected "
            "the checkpoint of a single network"
        )
    machine = _Machine(origin)
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except CheckpointError:
        raise
    except (ValueError, EOFError, OverflowError, MemoryError, IndexError, KeyError) as error:
        raise machine.damaged(str(error) or type(error).__name__) from error
    raise machine.damaged("it has no end")


class _Machine:
    """The stack and the memo of a pickle that is being read."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def step(self, opcode: str, argument: object) -> None:
        """Follow one instruction."""
        if opcode in _CONSTANTS:
            self._stack.append(argument)
        elif opcode in _FETCH:
            self._stack.append(self._memo[int(str(argument))])
        elif opcode in _STORE:
            self._memo[int(str(argument))] = self._top()
        elif opcode == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif opcode == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            self._stack.append(name_of(module, name, origin=self._origin))
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self)
        else:
            raise self.damaged(f"it holds the instruction {opcode}, which torch.save does not use")

    def damaged(self, reason: str) -> CheckpointError:
        """The error for a pickle that cannot be followed."""
        return CheckpointError(
            f"{self._origin}: the pickle in this file is damaged: {reason}. Copy or save the file again."
        )

    def pop(self) -> object:
        """Take the topmost value."""
        self._top()
        return self._stack.pop()

    def _top(self) -> object:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self.damaged("an instruction lacks its operand")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[object]:
        if not self._marks:
            raise self.damaged("an instruction lacks its mark")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _pop_tuple(self, what: str) -> tuple[object, ...]:
        value = self.pop()
        if not isinstance(value, tuple):
            raise self.damaged(f"{what} is a {type(value).__name__}, not a tuple")
        return value

    def mark(self) -> None:
        self._marks.append(len(self._stack))

    def nothing(self) -> None:
        pass

    def push(self, value: object) -> None:
        self._stack.append(value)

    def pop_mark(self) -> None:
        self._pop_to_mark()

    def drop(self) -> None:
        # POP takes a mark away where there is nothing above it.
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self.pop()

    def duplicate(self) -> None:
        self._stack.append(self._top())

    def short_tuple(self, length: int) -> None:
        values = [self.pop() for _ in range(length)]
        self._stack.append(tuple(reversed(values)))

    def long_tuple(self) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def make_list(self) -> None:
        self._stack.append(self._pop_to_mark())

    def make_dict(self) -> None:
        made: dict[object, object] = {}
        self._fill(made, self._pop_to_mark())
        self._stack.append(made)

    def append_one(self) -> None:
        value = self.pop()
        self._extend([value])

    def append_many(self) -> None:
        self._extend(self._pop_to_mark())

    def _extend(self, values: list[object]) -> None:
        target = self._top()
        if isinstance(target, StandIn):
            target.elements.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise self.damaged(f"it puts elements into a {type(target).__name__}")

    def set_one(self) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def set_many(self) -> None:
        self._set(self._pop_to_mark())

    def _set(self, pairs: list[object]) -> None:
        target = self._top()
        items = target.items if isinstance(target, StandIn) else target
        if not isinstance(items, dict):
            raise self.damaged(f"it puts items into a {type(target).__name__}")
        self._fill(items, pairs)

    def _fill(self, items: dict[object, object], pairs: list[object]) -> None:
        keys, values = pairs[::2], pairs[1::2]
        if len(keys) != len(values):
            raise self.damaged("a key has no value")
        for key in keys:
            # Not tuples: the hash of one nested deeply enough ends the process.
            if not isinstance(key, str | int | float | bytes | Name | None):
                raise self.damaged(f"a key of a dict is a {type(key).__name__}")
        items.update(zip(keys, values, strict=True))

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        self._stack.append(name_of(module, name, origin=self._origin))

    def call(self) -> None:
        arguments = self._pop_tuple("the list of arguments of a call")
        self._stack.append(value_of_call(self.pop(), arguments, origin=self._origin))

    def call_with_keywords(self) -> None:
        keywords = self.pop()
        arguments = self._pop_tuple("the list of arguments of a call")
        made = value_of_call(self.pop(), (*arguments, keywords), origin=self._origin)
        self._stack.append(made)

    def give_state(self) -> None:
        state, target = self.pop(), self._top()
        if isinstance(target, StandIn):
            target.state = state
        elif not isinstance(target, dict):  # attributes of a dict (versions of modules) are not needed
            raise unsafe(names=[f"<attributes of a {type(target).__name__}>"], origin=self._origin)

    def persistent(self) -> None:
        self._stack.append(storage_of(self.pop()))


_CONSTANTS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    }
)
_STORE = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_FETCH = frozenset({"GET", "BINGET", "LONG_BINGET"})
_ACTIONS: Mapping[str, Callable[[_Machine], None]] = MappingProxyType(
    {
        "PROTO": _Machine.nothing,
        "FRAME": _Machine.nothing,
        "NONE": lambda machine: machine.push(None),
        "NEWTRUE": lambda machine: machine.push(True),
        "NEWFALSE": lambda machine: machine.push(False),
        "EMPTY_DICT": lambda machine: machine.push({}),
        "EMPTY_LIST": lambda machine: machine.push([]),
        "EMPTY_TUPLE": lambda machine: machine.push(()),
        "EMPTY_SET": lambda machine: machine.push(StandIn("builtins.set", ())),
        "MARK": _Machine.mark,
        "POP": _Machine.drop,
        "POP_MARK": _Machine.pop_mark,
        "DUP": _Machine.duplicate,
        "TUPLE": _Machine.long_tuple,
        "TUPLE1": lambda machine: machine.short_tuple(1),
        "TUPLE2": lambda machine: machine.short_tuple(2),
        "TUPLE3": lambda machine: machine.short_tuple(3),
        "LIST": _Machine.make_list,
        "DICT": _Machine.make_dict,
        "APPEND": _Machine.append_one,
        "APPENDS": _Machine.append_many,
        "ADDITEMS": _Machine.append_many,
        "SETITEM": _Machine.set_one,
        "SETITEMS": _Machine.set_many,
        "STACK_GLOBAL": _Machine.stack_global,
        "REDUCE": _Machine.call,
        "NEWOBJ": _Machine.call,
        "NEWOBJ_EX": _Machine.call_with_keywords,
        "BUILD": _Machine.give_state,
        "BINPERSID": _Machine.persistent,
    }
)
