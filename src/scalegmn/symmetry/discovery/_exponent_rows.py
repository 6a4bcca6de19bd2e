"""Exponents of parameters as one sparse table, a row for all entries that transform alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from torch import Tensor

from ._families import varying
from ._labels import Labels
from ._symmetries import Exponents


@final
class ExponentRows:
    r"""What scales or signs do to parameters, without repetition.

    Entries of a parameter along axes where nothing changes, such as the taps of a kernel, share a row:
    log-scales ``c`` multiply all of them by :math:`e^{(E c)_r}`, flips ``s`` by :math:`(-1)^{(E s)_r}`.

    Args:
        exponents: of a program.

    Attributes:
        matrix: E, ``(rows, dimension)``; over GF(2) for signs.
    """

    def __init__(self, exponents: Exponents) -> None:
        self._kept: Final = {name: varying(labels) for name, labels in exponents.parameters.items()}
        self._shapes: Final = {name: labels.shape for name, labels in exponents.parameters.items()}
        tables = [
            _table(labels, self._kept[name], exponents) for name, labels in exponents.parameters.items()
        ]
        dimension = exponents.dimension
        matrix = csr_matrix(vstack([csr_matrix((0, dimension)), *tables], format="csr"))
        if exponents.kernel.matrix.dtype.kind == "i":
            matrix.data = np.mod(np.rint(matrix.data), 2)
        matrix.data[np.abs(matrix.data) < 1e-12] = 0
        matrix.eliminate_zeros()
        self.matrix: Final = matrix

    def sums(self, parameters: Mapping[str, Tensor]) -> NDArray[np.float64]:
        """Sums over the entries of each row.

        Args:
            parameters: by name; those that nothing reads are left out.

        Returns:
            float64, ``(rows,)``.
        """
        parts = [np.zeros(0)]
        for name, kept in self._kept.items():
            value = parameters[name].detach().to(dtype=torch.float64, device="cpu")
            others = tuple(axis for axis in range(value.dim()) if axis not in kept)
            parts.append((value.sum(dim=others) if others else value).reshape(-1).numpy())
        return np.concatenate(parts)

    def expand(self, rows: NDArray[np.float64]) -> dict[str, Tensor]:
        """A number of every row at all of its entries.

        Args:
            rows: ``(rows,)``.

        Returns:
            float64, of the shapes of the parameters, broadcast.
        """
        found, start = {}, 0
        for name, kept in self._kept.items():
            shape = self._shapes[name]
            sizes = [size if axis in kept else 1 for axis, size in enumerate(shape)]
            stop = start + int(np.prod(sizes, dtype=np.int64))
            found[name] = torch.from_numpy(np.array(rows[start:stop])).reshape(sizes).expand(shape)
            start = stop
        return found


def _table(labels: Labels, kept: tuple[int, ...], exponents: Exponents) -> csr_matrix:
    """How the free unknowns act on the entries of a parameter along the axes where they vary."""
    kernel = exponents.kernel
    index = tuple(slice(None) if axis in kept else slice(0, 1) for axis in range(len(labels.shape)))
    size = int(np.prod([labels.shape[axis] for axis in kept], dtype=np.int64))
    total = csr_matrix((size, kernel.dimension))
    for term in labels.terms:
        ids = term.ids[index].reshape(-1).numpy()
        places = np.minimum(kernel.position(ids), len(kernel.unknowns) - 1)
        # Entries that are always 0, and rows of an embedding that are never read, have no unknown: they stay.
        places = np.where(kernel.unknowns[places] == ids, places, 0)
        total = total + float(term.coefficient) * kernel.matrix[places]
    return csr_matrix(total)
