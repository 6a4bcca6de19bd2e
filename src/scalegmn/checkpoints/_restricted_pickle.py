"""What a pickle says, without doing what it says.

The files of ``torch.save`` are pickles, and many hold objects of other libraries beside their tensors.
Python's own reader would import those libraries and call what the file names.  Here the instructions of a
pickle are followed one by one, and whatever would be looked up or called is only written down: a name
becomes a :class:`~scalegmn.checkpoints._stand_ins.Name`, a call becomes a
:class:`~scalegmn.checkpoints.StandIn` with its arguments, and a tensor becomes a
:class:`~scalegmn.checkpoints._stand_ins.StoredTensor`.  Nothing of the file is ever imported or called,
because nothing here imports or calls.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Final

from scalegmn.checkpoints._names import check_name, unsafe
from scalegmn.checkpoints._stand_ins import (
    Name,
    OrderedEntries,
    StandIn,
    attributes_of_dict,
    check_key,
    storage_of,
    value_of_call,
)
from scalegmn.errors import CheckpointError

MOST_INSTRUCTIONS: Final = 2**21
"""Longer programs are refused; the checkpoint of a network of 100 layers has some ten thousand
instructions."""

MOST_COPIED: Final = 2**16


def read_pickle(content: bytes) -> object:
    """The value that a pickle describes, made of plain values and of stand-ins.

    Default dictionaries become plain ones.  Values may be shared, and may contain themselves.

    Args:
        content: the pickle and nothing else, protocol 2 to 5.

    Raises:
        UnsafeCheckpointError: it names something that would run code; nothing ran.
        CheckpointError: it is too long, damaged, or uses an instruction that ``torch.save`` does not.
    """
    stream = BytesIO(content)
    value = read_next_pickle(stream)
    if stream.tell() != len(content):
        raise _damaged(f"{len(content) - stream.tell():,} bytes follow its end")
    return value


def read_next_pickle(stream: BytesIO) -> object:
    """The value of the pickle at the stream's position, which then stands behind it.

    Raises:
        CheckpointError: as in :func:`read_pickle`.
    """
    machine = Machine(most_copied=MOST_COPIED + 4 * stream.getbuffer().nbytes)
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP":
                return machine.result()
            if number == MOST_INSTRUCTIONS:
                raise _damaged(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
            machine.step(opcode.name, argument)
    except CheckpointError:
        raise
    except UNREADABLE as error:
        raise _damaged(str(error) or type(error).__name__) from error
    raise _damaged("it has no end")


UNREADABLE: Final = (
    *(ValueError, EOFError, OverflowError, MemoryError, IndexError, KeyError, RecursionError),
    # Of texts with backslashes; an error where warnings are.
    DeprecationWarning,
)
"""What Python's list of instructions raises where a pickle is none."""


def _damaged(reason: str) -> CheckpointError:
    """The error for a pickle that cannot be followed."""
    return CheckpointError(
        f"the pickle in this file is damaged: {reason}; it was cut short or damaged, copy or save it again"
    )


class Machine:
    """The stack and the memo of a pickle that is being read.

    Args:
        most_copied: how many elements of arguments and states may be copied, all together.
    """

    def __init__(self, *, most_copied: int) -> None:
        self._most_copied = most_copied
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def step(self, opcode: str, argument: object) -> None:
        """Follow one instruction."""
        if opcode in _CONSTANTS:
            if "STRING" in opcode and not str(argument).isascii():
                raise ValueError("it holds a text of Python 2 that readers understand in several ways")
            self._stack.append(argument)
        elif opcode in _FETCH:
            self._stack.append(self._memo[int(str(argument))])
        elif opcode in _STORE:
            self._memo[int(str(argument))] = self._top()
        elif opcode == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif opcode == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            self._stack.append(Name(check_name(module, name)))
        elif opcode == "INST":
            module, _, name = str(argument).partition(" ")
            self._stack.append(value_of_call(Name(check_name(module, name)), tuple(self._pop_to_mark())))
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self)
        else:
            raise _damaged(f"it holds the instruction {opcode}, which torch.save does not use")

    def result(self) -> object:
        """The value at the end: the only one on the stack."""
        value = self.pop()
        if self._stack or self._marks:
            raise _damaged("values are left over at its end")
        return value

    def pop(self) -> object:
        """Take the topmost value."""
        self._top()
        return self._stack.pop()

    def _charge(self, *values: object) -> None:
        """Count what a call copies: one large value that is copied by every instruction takes for ever."""
        sized = (value for value in values if isinstance(value, dict | list | tuple | str | bytes))
        self._most_copied -= sum(map(len, sized))
        if self._most_copied < 0:
            raise _damaged("it copies its values too often")

    def _top(self) -> object:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise _damaged("an instruction lacks its operand")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[object]:
        if not self._marks:
            raise _damaged("an instruction lacks its mark")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _pop_arguments(self) -> tuple[object, ...]:
        value = self.pop()
        if not isinstance(value, tuple):
            raise _damaged(f"the list of arguments of a call is a {type(value).__name__}, not a tuple")
        self._charge(value, *value)
        return value

    def mark(self) -> None:
        self._marks.append(len(self._stack))

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
            raise _damaged(f"it puts elements into a {type(target).__name__}")

    def set_one(self) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def set_many(self) -> None:
        self._set(self._pop_to_mark())

    def _set(self, pairs: list[object]) -> None:
        target = self._top()
        items = target.items if isinstance(target, StandIn) else target
        if not isinstance(items, dict):
            raise _damaged(f"it puts items into a {type(target).__name__}")
        self._fill(items, pairs)

    def _fill(self, items: dict[object, object], pairs: list[object]) -> None:
        keys, values = pairs[::2], pairs[1::2]
        if len(keys) != len(values):
            raise _damaged("a key has no value")
        for key in keys:
            check_key(key)
        items.update(zip(keys, values, strict=True))

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        self._stack.append(Name(check_name(module, name)))

    def call(self) -> None:
        arguments = self._pop_arguments()
        self._stack.append(value_of_call(self.pop(), arguments))

    def make_new(self) -> None:
        arguments = self._pop_arguments()
        self._stack.append(value_of_call(self.pop(), arguments, new=True))

    def make_new_with_keywords(self) -> None:
        keywords = self.pop()
        arguments = self._pop_arguments()
        self._stack.append(value_of_call(self.pop(), (*arguments, keywords), new=True))

    def make_old(self) -> None:
        kind, *arguments = self._pop_to_mark() or [None]
        self._stack.append(value_of_call(kind, tuple(arguments)))

    def extension(self) -> None:
        raise unsafe(["<a name by its number in a registry of this machine>"])

    def give_state(self) -> None:
        state, target = self.pop(), self._top()
        self._charge(state, *(state if isinstance(state, tuple) else ()))
        if isinstance(target, StandIn):
            target.state = state
        elif isinstance(target, OrderedEntries):
            target.attributes.update(attributes_of_dict(state))
        else:
            # torch would put other numbers into a tensor, or none.
            raise unsafe([f"<attributes of a {type(target).__name__}>"])

    def persistent(self) -> None:
        self._stack.append(storage_of(self.pop()))


_CONSTANTS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_STORE = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_FETCH = frozenset({"GET", "BINGET", "LONG_BINGET"})
_ACTIONS: Mapping[str, Callable[[Machine], None]] = MappingProxyType(
    {
        "PROTO": lambda machine: None,
        "FRAME": lambda machine: None,
        "NONE": lambda machine: machine.push(None),
        "NEWTRUE": lambda machine: machine.push(True),
        "NEWFALSE": lambda machine: machine.push(False),
        "EMPTY_DICT": lambda machine: machine.push({}),
        "EMPTY_LIST": lambda machine: machine.push([]),
        "EMPTY_TUPLE": lambda machine: machine.push(()),
        "EMPTY_SET": lambda machine: machine.push(StandIn("builtins.set", ())),
        "MARK": Machine.mark,
        "POP": Machine.drop,
        "POP_MARK": Machine.pop_mark,
        "DUP": lambda machine: machine.push(machine._top()),
        "FROZENSET": lambda m: m.push(StandIn("builtins.frozenset", (m._pop_to_mark(),))),
        "TUPLE": Machine.long_tuple,
        "TUPLE1": lambda machine: machine.short_tuple(1),
        "TUPLE2": lambda machine: machine.short_tuple(2),
        "TUPLE3": lambda machine: machine.short_tuple(3),
        "LIST": Machine.make_list,
        "DICT": Machine.make_dict,
        "APPEND": Machine.append_one,
        "APPENDS": Machine.append_many,
        "ADDITEMS": Machine.append_many,
        "SETITEM": Machine.set_one,
        "SETITEMS": Machine.set_many,
        "STACK_GLOBAL": Machine.stack_global,
        "REDUCE": Machine.call,
        "NEWOBJ": Machine.make_new,
        "NEWOBJ_EX": Machine.make_new_with_keywords,
        "BUILD": Machine.give_state,
        "BINPERSID": Machine.persistent,
        "OBJ": Machine.make_old,
        "EXT1": Machine.extension,
        "EXT2": Machine.extension,
        "EXT4": Machine.extension,
    }
)
