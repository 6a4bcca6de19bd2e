"""File parameters and effective parameters: what a state dict holds, and what a program uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor


class Folding(ABC):
    """One difference between the two, by name.

    Law: what :meth:`unfold` writes is folded to what it was given, to rounding; tensors that a folding does
    not name are left as they are.
    """

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """Names of the tensors of the file that it replaces."""

    @property
    def required(self) -> tuple[str, ...]:
        """The names in :attr:`files` that a file must have."""
        return self.files

    @property
    @abstractmethod
    def effective(self) -> tuple[str, ...]:
        """Names of the tensors that it puts in their place."""

    @abstractmethod
    def fold(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Effective tensors from those of a file.

        Args:
            tensors: with those of :attr:`files`.

        Returns:
            Tensors of :attr:`effective`.
        """

    @abstractmethod
    def unfold(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a file from effective ones.

        Args:
            tensors: all effective tensors.
            like: the tensors of a file of this network, for what effective tensors leave open.

        Returns:
            Tensors of :attr:`files`, and others of the file that have to change with them.

        Raises:
            ProgramError: no file of this network can say this.
        """
