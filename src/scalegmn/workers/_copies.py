"""One piece of work on a cluster, where processes and machines are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

from scalegmn.errors import ClusterError
from scalegmn.printable import printable
from scalegmn.workers._connecting import ray_module
from scalegmn.workers._remote import Answer

# How often a piece is begun anew before it counts as lost.
_RETRIES: Final = 3


@final
class Copies:
    """Copies of one piece, of which the first answer counts; one that is lost is begun anew.

    Copies that are not needed any more are not canceled, for Ray 2.60 may abort the caller then; they end by
    themselves, or with the connection.

    Args:
        begin: has a process do the piece, and returns Ray's reference to its answer.
        address: of the cluster, for messages.
    """

    def __init__(self, begin: Callable[[], Any], *, address: str) -> None:
        self._begin, self._address = begin, address
        self._references = [begin()]
        self._lost = 0

    def __len__(self) -> int:
        return len(self._references)

    def add(self) -> None:
        """Begin one more."""
        self._references.append(self._begin())

    def wait(self, seconds: float) -> Answer | None:
        """The answer of the copy that is done first; None if none is in so many seconds.

        Raises:
            ClusterError: copies were lost too often.
        """
        ray = ray_module()
        done, _ = ray.wait(self._references, timeout=seconds)
        if not done:
            return None
        self._references.remove(done[0])
        try:
            answer: Answer = ray.get(done[0])
            return answer
        except ray.exceptions.RayTaskError:
            # The fault of the work, not of the cluster.
            raise
        except ray.exceptions.RayError as error:
            self._replace(error)
        return None

    def _replace(self, error: Exception) -> None:
        self._lost += 1
        if self._lost > _RETRIES:
            reason = " ".join(str(error).split())
            raise ClusterError(
                f"{printable(self._address)}: a piece of work was lost {self._lost} times "
                f"({type(error).__name__}: {printable(reason)}); what is finished is kept: look at `ray "
                "status` and the memory of the workers, and resume"
            ) from error
        self.add()
