"""An MLP with one hidden layer.  Law: invariants to invariants, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import nn
from torch.nn.functional import silu

from scalegmn.configuration import Configuration, Rate, Width
from scalegmn.shapes import MappedRows, Rows


@dataclass(frozen=True, kw_only=True)
class MLPStyle(Configuration):
    """What all MLPs of a metanetwork have in common.

    Attributes:
        hidden: width of the hidden layer.
        layer_norm: normalize the hidden layer (before SiLU).
        dropout: rate in the hidden layer.
    """

    hidden: Width
    layer_norm: bool = True
    dropout: Rate = 0.0


@final
class MLP(nn.Module):
    r"""An MLP with one hidden layer.

    .. math::

        \mathrm{MLP}(x) = W_2\, \mathrm{SiLU}\big(\mathrm{LayerNorm}(W_1 x + c_1)\big) + c_2

    :attr:`first`, :attr:`activate` and :attr:`last` may be called apart, where the sum in the first layer
    comes from several arguments, or two hidden layers are added before the last map.

    Args:
        inputs: width of x.
        outputs: width of the result.
        style: width of the hidden layer, layer normalization, dropout.

    Shapes: ``(M, inputs)`` to ``(M, outputs)``.

    Law: invariants to invariants.
    """

    def __init__(self, inputs: int, outputs: int, *, style: MLPStyle) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, style.hidden)
        self.activate = _hidden(style)
        self.last = nn.Linear(style.hidden, outputs)

    def rest(self, hidden: Rows) -> MappedRows:
        """Everything behind the first linear map."""
        return self.last(self.activate(hidden))

    def forward(self, x: Rows) -> MappedRows:
        """Rows to rows."""
        return self.rest(self.first(x))


def _hidden(style: MLPStyle) -> nn.Sequential:
    norm = [nn.LayerNorm(style.hidden)] if style.layer_norm else []
    dropout = [nn.Dropout(style.dropout)] if style.dropout > 0 else []
    return nn.Sequential(*norm, _SiLU(owned=style.layer_norm), *dropout)


@final
class _SiLU(nn.Module):
    """SiLU; in place where its argument is nobody else's (`owned`) and no gradient needs it."""

    def __init__(self, *, owned: bool) -> None:
        super().__init__()
        self.owned = owned

    def forward(self, x: Rows) -> Rows:
        return silu(x, inplace=self.owned and not torch.is_grad_enabled())
