"""The command ``scalegmn``: finds the subcommand and loads only that one."""

from __future__ import annotations

import ast
import difflib
import importlib
import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn import __version__
from scalegmn.cli.exit_codes import DATA, FAILED, INTERRUPTED, OK, USAGE, exit_code_of
from scalegmn.cli.general_options import GeneralOptions, general_options, under
from scalegmn.cli.output import complain, complain_of, printable_output, say, say_all
from scalegmn.cli.packages import advice, missing_packages
from scalegmn.cli.process import Output, endings_interrupt
from scalegmn.disk import sentence_of
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.registry import load_extension

COMMANDS: Final = {
    "make": "make",
    "import": "import_networks",
    "export": "export",
    "join": "join",
    "copy": "copy_population",
    "canonicalize": "canonicalize",
    "info": "info",
    "symmetries": "symmetries",
    "trace": "trace",
    "same": "same",
    "align": "align",
    "merge": "merge",
    "diff": "diff",
    "rewrite": "rewrite",
    "lineage": "lineage",
    "train": "train",
    "evaluate": "evaluate",
    "predict": "predict",
    "scan": "scan",
    "verify": "verify",
    "repair": "repair",
    "embed": "embed",
    "edit": "edit",
    "compare": "compare",
    "configs": "configs",
    "models": "models",
    "doctor": "doctor",
    "completion": "completion",
    "demo": "demo",
}
"""Names of the subcommands, and the module of this package that each one lives in."""

_LOG: Final = logging.getLogger("scalegmn")

_RESUMED: Final = frozenset({"make", "import", "join", "canonicalize"})
"""Commands that always keep partial results."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code; see :mod:`scalegmn.cli.exit_codes`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with endings_interrupt(), Output().lenient() as output:
        code = _main(arguments)
        if output.failure is not None:
            reason = output.failure.strerror
            _complain(f"what was printed is not whole ({reason}); the exit code would have been {code}")
            return FAILED
        return code


def _main(arguments: list[str]) -> int:
    try:
        options, arguments = GeneralOptions.taken_from(arguments)
    except ConfigurationError as error:
        complain_of(error)
        return USAGE
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        say_all(usage())
        return OK if arguments else USAGE
    if arguments[0] in ("-V", "--version"):
        say(f"scalegmn {__version__}")
        return OK
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}."
        _complain(f"unknown command {name!r}; {hint} See scalegmn --help")
        return USAGE
    with under(options), printable_output():
        return _run(name, rest)


def usage() -> str:
    """The text of ``scalegmn --help``."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {help_line(module)}" for name, module in COMMANDS.items()]
    return "\n".join(
        [
            "usage: scalegmn COMMAND [OPTIONS]",
            "",
            "Metanetworks: models that read trained networks and respect the symmetries of their weights.",
            "",
            *lines,
            "",
            "scalegmn COMMAND --help shows examples and the options of a command. Every command takes",
            "  -q, --quiet     results, warnings and errors only: no progress bars, no remarks",
            "  -v, --verbose   what is done, with times, and where an error arose",
            "  --extension package.module:function   load tasks and models that are not installed",
            "scalegmn --version says which version this is, and scalegmn doctor what is installed.",
            "",
            "Results go to the standard output, everything else to the standard error stream. --json FILE",
            "writes results as JSON, and --json - prints them. NO_COLOR turns colors off, FORCE_COLOR on.",
            "",
            "Exit codes: 0 success, 1 negative result, 2 wrong usage or configuration, 3 data or files",
            "are missing, damaged or refused, 4 interrupted by Ctrl-C or SIGTERM (can be resumed),",
            "5 internal error. scan uses 1 to 3 differently: see scalegmn scan --help.",
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


def _run(name: str, arguments: list[str]) -> int:
    module = f"scalegmn.cli.{COMMANDS[name]}"
    try:
        for place in general_options().extensions:
            load_extension(place)
        command = importlib.import_module(module)
        _LOG.debug("loaded the command %s of scalegmn %s", name, __version__)
        return int(command.run(arguments))
    except ScaleGMNError as error:
        _show_trace(error, general_options().verbose)
        complain_of(error)
        return exit_code_of(error)
    except KeyboardInterrupt:
        resumed = name in _RESUMED or "--resume" in arguments
        again = "; the same command with --resume goes on where it stopped" if resumed else ""
        complain(f"scalegmn {name}: interrupted{again}")
        return INTERRUPTED
    except SystemExit as stop:
        # Parsers end the program after --help (0) and wrong usage (2).
        return stop.code if isinstance(stop.code, int) else OK if stop.code is None else USAGE
    except ModuleNotFoundError as error:
        missing = missing_packages(module, error.name)
        if not missing:
            return _failed(name, error)
        _show_trace(error, general_options().verbose)
        _complain(f"scalegmn {name} needs {advice(missing)}")
        return USAGE
    except OSError as error:
        # A disk that is full, a folder that is closed: the machine's reason is the whole story.
        _show_trace(error, general_options().verbose)
        _complain(sentence_of(error))
        return DATA
    except Exception as error:
        return _failed(name, error)


def _failed(name: str, error: Exception) -> int:
    _show_trace(error, True)
    out_of_memory = "; it ran out of memory" if isinstance(error, MemoryError) else ""
    _complain(
        f"scalegmn {name} failed with {type(error).__name__}{out_of_memory}; this says nothing about the "
        "data. Please report it with the lines above, and as SECURITY.md says if a foreign file caused it"
    )
    return FAILED


def _show_trace(error: Exception, shown: bool) -> None:
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n") if shown else ():
        complain(line)


def _complain(message: str) -> None:
    complain(f"scalegmn: error: {message}")


if __name__ == "__main__":
    sys.exit(main())
