"""Exit codes of every ``scalegmn`` command, in one place.

==== =================================================================
 0    done
 1    the result is negative (a check that was asked for failed)
 2    wrong usage or configuration; nothing was done
 3    data or files are missing, damaged or refused
 4    interrupted, by Ctrl-C or SIGTERM; what was begun can be resumed
 5    scalegmn itself failed; this says nothing about the data
==== =================================================================

``scalegmn scan`` gives 0 to 3 a meaning of its own (:data:`scalegmn.cli.scan.EXIT_CODES`); 4 and 5 are the
same everywhere, so that a crash is never taken for a verdict.
"""

from __future__ import annotations

from typing import Final

from scalegmn.errors import ConfigurationError, ScaleGMNError

OK: Final = 0
NEGATIVE: Final = 1
USAGE: Final = 2
DATA: Final = 3
INTERRUPTED: Final = 4
FAILED: Final = 5


def exit_code_of(error: ScaleGMNError) -> int:
    """The exit code for an error that was raised on purpose."""
    return USAGE if isinstance(error, ConfigurationError) else DATA
