"""One family of exceptions.

Every message names the offending value, what was expected instead, where the value came from, and
what to do about it.  Catch :class:`ScaleGMNError` to catch all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.printable import printable


class ScaleGMNError(Exception):
    """Base class of everything that this library raises on purpose.

    Args:
        message: one sentence.  It may repeat text from outside, such as names in a file: what is not fit for
            one line is escaped, and of what is too long the middle is left out
            (:func:`scalegmn.printable.printable`).
        problems: where there may be several, each of them; they are joined to the message, and commands print
            them one under the other.

    Attributes:
        problems: all of them, each fit for one line.
    """

    def __init__(self, message: str = "", *, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(map(printable, problems))
        super().__init__(printable(": ".join(filter(None, (message, "; ".join(self.problems))))))


class ArchitectureError(ScaleGMNError, ValueError):
    """A description of a network is inconsistent, or parameters do not fit it."""


class UnsupportedLayerError(ArchitectureError):
    """A module holds a layer that the library cannot turn into a graph."""


class ProgramError(ScaleGMNError, ValueError):
    """A module cannot be traced, or a program is damaged."""


class UnsupportedOperationError(ProgramError):
    """A network uses an operation that nothing is known of."""


class SymmetryError(ScaleGMNError, ValueError):
    """A group, a group element or a permutation does not fit the network it is applied to."""


class GraphError(ScaleGMNError, ValueError):
    """A graph is inconsistent, or does not fit the model that reads it."""


class CheckpointError(ScaleGMNError, ValueError):
    """A checkpoint file cannot be read, or does not hold what it should."""


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint file would have to execute code to be read; it was refused and nothing ran."""


class NonFiniteError(CheckpointError):
    """A checkpoint file holds parameters that are NaN or infinite."""


class PopulationError(ScaleGMNError, ValueError):
    """A population of networks on disk is damaged, incomplete or does not fit the request."""


class ImageSourceError(ScaleGMNError, ValueError):
    """Images cannot be found or read."""


class TriggerError(ScaleGMNError, ValueError):
    """A trigger is described wrongly, or does not fit the images it is put into."""


class ConfigurationError(ScaleGMNError, ValueError):
    """A configuration contradicts itself or the data it is used with."""


class DiskError(ScaleGMNError):
    """The operating system refused to write or read, or another command is writing at the same place."""


class ClusterError(ScaleGMNError):
    """A cluster of machines lost a piece of work, or has no machine left to do it."""


class TrainingWarning(UserWarning):
    """Something about the networks of a training that its user should know; the training goes on."""


class UnfittedWarning(UserWarning):
    """A model is trained without the constants that training networks should have given it."""
