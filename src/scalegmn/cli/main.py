"""The command ``scalegmn``: finds the subcommand and loads only that one."""

from __future__ import annotations

import ast
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn import __version__
from scalegmn.cli.exit_codes import INTERRUPTED, OK, USAGE, exit_code_of
from scalegmn.cli.output import complain, complain_of, printable_output, say, say_all
from scalegmn.errors import ScaleGMNError

COMMANDS: Final = {
    "make": "make",
    "import": "import_networks",
    "export": "export",
    "canonicalize": "canonicalize",
    "info": "info",
    "train": "train",
    "evaluate": "evaluate",
    "predict": "predict",
    "scan": "scan",
    "repair": "repair",
    "embed": "embed",
    "edit": "edit",
    "compare": "compare",
    "demo": "demo",
}
"""Names of the subcommands, and the module of this package that each one lives in."""

_EXTRAS: Final = {
    "lightning": "train",
    "torchmetrics": "train",
    "jsonargparse": "all",
    "yaml": "train",
    "rich": "all",
    "pyarrow": "populations",
    "sklearn": "populations",
    "PIL": "populations",
    "scipy": "train",
    "matplotlib": "reports",
    "wandb": "wandb",
}
"""Where packages come from that only some commands need."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code; see :mod:`scalegmn.cli.exit_codes`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or os.environ.get("SCALEGMN_DEBUG", "") not in ("", "0")
    arguments = [argument for argument in arguments if argument != "--debug"]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        say_all(usage())
        return OK if arguments else USAGE
    if arguments[0] == "--version":
        say(f"scalegmn {__version__}")
        return OK
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        _complain(f"unknown command {name!r}; there are {', '.join(COMMANDS)}. See scalegmn --help")
        return USAGE
    with printable_output():
        return _run(name, rest, debug=debug)


def usage() -> str:
    """The text of ``scalegmn --help``."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {help_line(module)}" for name, module in COMMANDS.items()]
    return "\n".join(
        [
            "usage: scalegmn COMMAND [OPTIONS]",
            "",
            "Metanetworks that read trained networks and know which changes leave them the same.",
            "",
            *lines,
            "",
            "scalegmn COMMAND --help describes the options of a command; --debug shows where an error arose.",
            "Exit codes: 0 done, 1 the answer is negative, 2 wrong usage or configuration, 3 data or files",
            "are missing, damaged or refused, 4 interrupted (can be resumed).",
        ]
    )


def help_line(module: str) -> str:
    """The ``HELP`` of a command's module, read without importing it: some take seconds to load."""
    source = Path(__file__).with_name(f"{module}.py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="HELP")], value=value):
                return str(ast.literal_eval(value))
            case ast.AnnAssign(target=ast.Name(id="HELP"), value=ast.expr() as value):
                return str(ast.literal_eval(value))
    raise AssertionError(f"{source.name} has no HELP")


def _run(name: str, arguments: list[str], *, debug: bool) -> int:
    try:
        code = importlib.import_module(f"scalegmn.cli.{COMMANDS[name]}").run(arguments)
        return int(code)
    except ScaleGMNError as error:
        if debug:
            for line in traceback.format_exc().splitlines():
                complain(line)
        complain_of(error)
        return exit_code_of(error)
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except SystemExit as stop:
        # Parsers end the program after --help (0) and wrong usage (2).
        return stop.code if isinstance(stop.code, int) else OK if stop.code is None else USAGE
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None or debug:
            raise
        _complain(f"scalegmn {name} needs the package {error.name!r}: pip install 'scalegmn[{extra}]'")
        return USAGE


def _complain(message: str) -> None:
    complain(f"scalegmn: error: {message}")


if __name__ == "__main__":
    sys.exit(main())
