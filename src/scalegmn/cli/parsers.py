"""The parser of all commands: what is wrong with options is one sentence, fit for a terminal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn, final

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.general_options import add_general_options
from scalegmn.cli.help_formatter import HelpFormatter
from scalegmn.cli.help_texts import with_examples
from scalegmn.cli.output import complain
from scalegmn.printable import printable

_KEY: Final = re.compile(r'^Parser key "([^"]+)": ')
_GOT: Final = re.compile(r"^(.*?)\.? Got value: (.*)$")
_UNION: Final = re.compile(r"^Does not validate .* Subtypes: \[(.*)\] Errors: .* Given value: (.*)$")
_CHOICES: Final = re.compile(
    r"(?:a |an )?(?:typing\.)?Literal\[([^\]]*)\]|a member of <enum '\w+'>: {([^}]*)}"
)
_LINE: Final = 2000
_MISSING: Final = "the following arguments are required: "
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "names and values such as {a: 1}",
    "NoneType": "null",
    "str": "a text",
    "list[int]": "whole numbers such as [1, 2]",
    "list[float]": "numbers such as [0.1, 0.2]",
    "list[str]": "words such as [a, b]",
}
_EARLIER: Final = {"colour": "color", "initialisation": "initialization"}
"""Options that had other names, and what they are called now."""
_UNKNOWN: Final = re.compile(r"^unrecognized arguments: (--[^\s=]+)")


@final
class CommandParser(ArgumentParser):
    """A parser whose errors are told like all others: the value, what was expected, and what to do.

    They repeat words of the command line, and of files, escaped and on one line.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any) -> None:
        """Make a parser.

        Args:
            examples: commands with a remark behind ``#``, with which the help begins.
            settings: those of jsonargparse.
        """
        # The beginning of a name is no option: what it stands for would change with every new option.
        super().__init__(**{"allow_abbrev": False, "formatter_class": HelpFormatter, **settings})
        self._examples = tuple(examples)
        add_general_options(self)

    def format_help(self, *settings: Any, **more: Any) -> str:
        """The help, examples first; what jsonargparse can be told in some versions is handed on."""
        return with_examples(super().format_help(*settings, **more), self._examples)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong in one line, and end the program with the code for wrong usage."""
        command = self.prog.replace(" [options]", "")
        told = self._told(" ".join(message.split()).rstrip("."))
        end = " See" if told.endswith("?") else "; see"
        # The lines that jsonargparse makes cannot be told from those that a value brings along.
        complain(f"{command}: error: {printable(told, limit=_LINE)}{end} {command} --help")
        raise SystemExit(USAGE) from ex

    def _told(self, text: str) -> str:
        unknown = _UNKNOWN.match(text)
        if unknown is not None:
            written = _EARLIER.get(unknown[1].lstrip("-"), unknown[1].lstrip("-").replace("_", "-"))
            if any(f"--{written}" in action.option_strings for action in self._actions):
                return f"unknown option {unknown[1]}; it is called --{written}"
            # Without the dashes, which make short names alike.
            known = [option.lstrip("-") for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[1].lstrip("-"), known, n=1)
            return f"unknown option {unknown[1]}" + (f"; did you mean --{near[0]}?" if near else "")
        if text.startswith(_MISSING):
            missing = [self._option(key) for key in text.removeprefix(_MISSING).split(", ")]
            return f"{', '.join(missing)} must be given"
        key = _KEY.match(text)
        if key is None:
            return text
        name, text = self._option(key[1]), text[key.end() :]
        union, single = _UNION.match(text), _GOT.match(text)
        if union is not None:
            return f"{name} is {union[2]}, expected {_expected(union[1], between=' or ')}"
        if single is not None:
            return f"{name} is {single[2]}, expected {_expected(single[1].removeprefix('Expected '))}"
        return f"{name}: {text}"

    def _option(self, key: str) -> str:
        """The name on the command line; positional arguments have no dashes."""
        options = {action.dest: action.option_strings for action in self._actions}
        return options[key][-1] if options.get(key) else key if key in options else f"--{key}"


def option_of(name: str) -> str:
    """The option that sets a field called `name`."""
    return f"--{name.replace('_', '-')}"


def _expected(types: str, *, between: str = ", ") -> str:
    """What values of these types of Python look like."""
    text = _CHOICES.sub(lambda found: f"one of {(found[1] or found[2]).replace(chr(39), '')}", types)
    if text != types:
        return text.replace(", <class 'NoneType'>", " or null").replace(", one of ", ", ")
    kinds = re.sub(r"(?:a |an )?<class '([\w.]+)'>", r"\1", types).split(", ")
    return between.join(_KINDS.get(kind, kind) for kind in kinds)
