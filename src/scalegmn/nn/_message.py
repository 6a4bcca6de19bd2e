r"""ReScaleEq and the messages that are made of it, in either direction.

Source: Kalogeropoulos et al. 2024, section 5.1 (ReScaleEq) and section 5.2 (messages, equations (10) to
(12)).
Beyond the paper: the backward direction, with dual features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from scalegmn.nn._equivariant import IOMap, ScaleEquivariant
from scalegmn.nn._neurons import Neurons
from scalegmn.nn._old_names import load_old_names
from scalegmn.nn._style import LayerStyle
from scalegmn.registry import Registry
from scalegmn.shapes import EdgeFeatures, EdgeIntegers, NodeFeatures, SquareWeight


@final
class ReScaleEquivariant(nn.Module):
    r"""The product of a neuron's features with those of an edge, which multiplies their laws.

    .. math::

        \mathrm{ReScaleEq}(x_j, e_{ij}) = (W_1 x_j) \odot (W_2 e_{ij})

    Source: Kalogeropoulos et al. 2024, section 5.1, with two arguments.

    Args:
        features: D.

    Shapes: :math:`x_j` ``(E, D)``, :math:`e_{ij}` ``(E, D)``, :math:`W_2` ``(D, D)``, result ``(E, D)``.

    Law: the product of the laws of its arguments.  For :math:`x_j` of law :math:`q_j` and :math:`e_{ij}` of
    law :math:`q_i/q_j` it is :math:`q_i`.
    """

    def __init__(self, *, features: int) -> None:
        super().__init__()
        self.sender = nn.Linear(features, features, bias=False)

    def forward(self, x: EdgeFeatures, e: EdgeFeatures, edge_weight: SquareWeight) -> EdgeFeatures:
        """What is sent along every edge; ``W_2`` is given, for the layer keeps all maps of edges together."""
        product: Tensor = self.sender(x) * linear(e, edge_weight)
        return product


class MessageFunction(nn.Module, ABC):
    """What reaches each neuron along its edges, in one direction.

    Configurations name a function by ``model.message``.  One of your own is a subclass with a `name`, which
    its method :meth:`register` adds to :data:`MESSAGES`.  It has to keep the law: a layer is equivariant
    because its parts are.

    Args:
        style: of the layer.

    Law: forward, :math:`q_j` and :math:`q_i/q_j` to :math:`q_i` (primal); backward, :math:`1/q_i` and
    :math:`q_i/q_j` to :math:`1/q_j` (dual).
    """

    name: ClassVar[str]
    """As written in configurations."""

    has_fast_form: ClassVar[bool] = False
    """Whether :mod:`scalegmn.nn.fast` knows how to compute it; backbones call the forward of others."""

    @abstractmethod
    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__()

    @classmethod
    def register(cls) -> None:
        """Let configurations and saved models name this class.

        Raises:
            ConfigurationError: another class has the name.
        """
        MESSAGES.register(cls.name, cls)

    @abstractmethod
    def forward(
        self,
        x: NodeFeatures,
        e: EdgeFeatures,
        edge_weight: SquareWeight,
        encoding: NodeFeatures,
        *,
        sender: EdgeIntegers,
        receiver: EdgeIntegers,
        neurons: Neurons,
    ) -> NodeFeatures:
        """What reaches every neuron, ``(V, D)``.

        Args:
            x: what neurons send, ``(V, D)``.
            e: edge features, ``(E, D)``.
            edge_weight: ``W_2``, the layer's map of edge features.
            encoding: z, positional encodings ``(V, D)``.
            sender: the row of the neuron that sends along every edge.
            receiver: the row of the neuron that is reached along every edge.
            neurons: the rows.
        """


@final
class Message(MessageFunction):
    r"""The sum of the messages that reach each neuron.

    .. math::

        m_i = \sum_{j} \mathrm{ScaleEq}\big(\mathrm{ReScaleEq}(x_j, e_{ij});\; z_i\big)

    The sum runs over the edges that reach i.  With senders at the sources of edges these are the paper's
    messages; with senders at their targets the same formula passes dual features backwards (*beyond the
    paper*):

    .. math::

        r_j = \sum_{i} \mathrm{ScaleEq}\big(\mathrm{ReScaleEq}(u_i, e_{ij});\; z_j\big)

    What reaches input and output neurons goes through an :class:`~scalegmn.nn.IOMap` in place of ScaleEq.

    Source: Kalogeropoulos et al. 2024, section 5.2, equations (10) to (12); z only with the option
    ``positional_in_messages``.

    Args:
        style: of the layer.

    Shapes: x and z ``(V, D)``, e ``(E, D)``, result ``(V, D)``.

    Law: forward, :math:`q_j` and :math:`q_i/q_j` to :math:`q_i` (primal); backward, :math:`1/q_i` and
    :math:`q_i/q_j` to :math:`1/q_j` (dual).  It is one factor for all terms of a sum.
    """

    name = "rescale"
    has_fast_form = True

    def __init__(self, *, style: LayerStyle) -> None:
        super().__init__(style=style)
        width = style.features
        extras = width if style.positional_in_messages else 0
        self.rescale = ReScaleEquivariant(features=width)
        self.hidden = ScaleEquivariant(
            width, width, extras=extras, symmetrize=style.symmetrize, style=style.mlp
        )
        self.io = IOMap(width, width, style=style)
        self.positional = style.positional_in_messages
        load_old_names(self)

    def forward(
        self,
        x: NodeFeatures,
        e: EdgeFeatures,
        edge_weight: SquareWeight,
        encoding: NodeFeatures,
        *,
        sender: EdgeIntegers,
        receiver: EdgeIntegers,
        neurons: Neurons,
    ) -> NodeFeatures:
        """Sums of messages.

        Args:
            x: what neurons send.
            e: edge features.
            edge_weight: ``W_2``.
            encoding: z.
            sender: the row of the neuron that sends along every edge.
            receiver: the row of the neuron that is reached along every edge.
            neurons: the rows.
        """
        product = self.rescale(x[sender], e, edge_weight)
        extras = encoding[receiver] if self.positional else None
        messages = torch.where(
            neurons.is_hidden[receiver],
            self.hidden(product, neurons.all_groups.take(receiver), extras),
            self.io(product),
        )
        return messages.new_zeros(x.shape).index_add(0, receiver, messages)


MESSAGES: Final = Registry[type[MessageFunction]]("message", entries={Message.name: Message})
"""Message functions, by the names that configurations have for them."""
