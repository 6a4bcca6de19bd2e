"""What is handed to the writer of a population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from torch import Tensor

from scalegmn.errors import PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations._format import DTYPE


class ArchitectureGroup(NamedTuple):
    """Networks that share an architecture: ``theta (n, P)`` and n values per column of metadata."""

    architecture: Architecture
    theta: Tensor | np.ndarray
    columns: Mapping[str, Sequence[object] | np.ndarray | Tensor | pa.Array | pa.ChunkedArray]

    def parameters(self, *, where: str) -> np.ndarray:
        """`theta` as it is stored: ``(n, P)`` float32, contiguous.

        Raises:
            PopulationError: another shape, no floating point, or values that float32 cannot hold; names
                `where`.
        """
        theta = self.theta
        if isinstance(theta, Tensor):
            theta = theta.detach().cpu()
            # Widening half precision here spares numpy bfloat16, which it does not know.
            theta = (theta.float() if theta.is_floating_point() else theta).numpy()
        expected = self.architecture.num_parameters
        if theta.ndim != 2 or theta.shape[1] != expected or not np.issubdtype(theta.dtype, np.floating):
            raise PopulationError(
                f"{where}: parameters have shape {tuple(theta.shape)} and type {theta.dtype}, expected "
                f"floating point (n, {expected}) for {self.architecture.describe()}"
            )
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(theta, dtype=DTYPE)
        finite = np.isfinite(array).all(axis=1)
        if not finite.all():
            bad = np.flatnonzero(~finite)
            raise PopulationError(
                f"{where}: {len(bad)} networks hold parameters that are NaN or infinite (or too large for "
                f"float32), first at {bad[:5].tolist()}; leave them out before appending"
            )
        return array
