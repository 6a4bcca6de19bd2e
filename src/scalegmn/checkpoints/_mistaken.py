"""Files of another kind that begin like a pickle, and would be read as one by whoever looks for one first."""

from __future__ import annotations

import pickletools
from io import BytesIO

from scalegmn.checkpoints._restricted_pickle import MOST_COPIED, MOST_INSTRUCTIONS, UNREADABLE, Machine
from scalegmn.errors import CheckpointError, UnsafeCheckpointError


def starts_like_pickle(content: bytes) -> bool:
    """Whether a reader of pickles would make more than a text of the beginning of a file.

    Unlike here, values that are left over do not disturb other readers.
    """
    machine, instruction = Machine(most_copied=MOST_COPIED), ""
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(BytesIO(content))):
            instruction = opcode.name
            if instruction == "STOP":
                return not isinstance(machine.pop(), str | bytes)
            if number == MOST_INSTRUCTIONS:
                return True
            # Readers differ in which texts of Python 2 they take.
            machine.step("UNICODE" if "STRING" in instruction else instruction, argument)
    except UnsafeCheckpointError:
        # All else that is unsafe here, such as a call of a text, is an error there.
        return instruction in ("GLOBAL", "STACK_GLOBAL", "INST")
    except (CheckpointError, LookupError, ArithmeticError, *UNREADABLE):
        return False
    return False
