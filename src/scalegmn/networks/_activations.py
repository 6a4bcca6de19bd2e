"""Activations as values: a kind, and one number where the kind needs it.

What matters to a symmetry is stated here as mathematics, not as a name: whether the function is odd,
whether it is positively homogeneous and of which degree, whether it is a sine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ArchitectureError

Function = Callable[[Tensor, Tensor | float], Tensor]


@dataclass(frozen=True)
class ActivationKind:
    """Properties of an elementwise function ``sigma(x; value)``.

    Attributes:
        name: the name under which architectures refer to it.
        code: a small integer that stands for it in graphs; never reused.
        function: called as ``function(x, value)``.
        odd: ``sigma(-x) = -sigma(x)`` for all x.
        degree: ``sigma(q x) = q**degree * sigma(x)`` for all q > 0, or None.
        periodic: the function is ``sin(value * x)``.
        value: the default of the number, and whether there is one at all.
        elementwise: False for functions over the whole layer (softmax), which commute with permutations.
    """

    name: str
    code: int
    function: Function
    odd: bool = False
    degree: float | None = None
    periodic: bool = False
    value: float | None = None
    elementwise: bool = True


_KINDS: dict[str, ActivationKind] = {}


def register_activation(kind: ActivationKind) -> ActivationKind:
    """Add a kind of activation.

    Raises:
        ArchitectureError: its name or code is taken by another kind.
    """
    for other in _KINDS.values():
        if other != kind and (other.name == kind.name or other.code == kind.code):
            raise ArchitectureError(
                f"activation {kind.name!r} with code {kind.code} collides with the registered "
                f"{other.name!r} with code {other.code}; choose a free name and code"
            )
    _KINDS[kind.name] = kind
    return kind


def activation_kind(name: str) -> ActivationKind:
    """The registered kind called `name`.

    Raises:
        ArchitectureError: there is none; the message names the nearest known ones.
    """
    if name not in _KINDS:
        near = " or ".join(map(repr, get_close_matches(name, _KINDS, n=2)))
        hint = f"did you mean {near}?" if near else "register_activation adds new ones"
        raise ArchitectureError(f"unknown activation {name!r}; known are {', '.join(sorted(_KINDS))}; {hint}")
    return _KINDS[name]


def activation_kinds() -> tuple[ActivationKind, ...]:
    """All registered kinds, in order of their codes.

    Example:
        >>> from scalegmn.networks import activation_kinds
        >>> [kind.name for kind in activation_kinds() if kind.odd][:3]
        ['identity', 'tanh', 'softsign']
    """
    return tuple(sorted(_KINDS.values(), key=lambda kind: kind.code))


@dataclass(frozen=True)
class Activation:
    """An activation function ``sigma(x; value)`` as a value.

    The group of a neuron follows from its activation: odd functions commute with signs, homogeneous ones with
    positive scales (:func:`scalegmn.symmetry.activation_group`).

    Args:
        kind: name of a registered :class:`ActivationKind`; :func:`scalegmn.networks.activation_kinds` lists
            them.
        value: its number: the frequency of a sine, the slope of a leaky ReLU.  Left out, it is the default
            of the kind; 0 where a kind has no number.

    Shapes: any ``(...)`` to the same, elementwise; softmax reads ``(n, features, ...)``.

    Raises:
        ArchitectureError: an unknown kind, or a number that the kind cannot have.

    Example:
        >>> import torch
        >>> from scalegmn import Activation
        >>> Activation("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
        >>> Activation("sine")
        Activation(kind='sine', value=30.0)
        >>> Activation("sine", 1.0).properties.odd
        True
    """

    kind: str
    value: float = math.nan

    def __post_init__(self) -> None:
        kind = activation_kind(self.kind)
        # Equal activations must also look equal as JSON, hence no integer here.
        value = (kind.value or 0.0) if math.isnan(self.value) else float(self.value)
        object.__setattr__(self, "value", value)
        if kind.value is None and value != 0:
            raise ArchitectureError(f"activation {kind.name!r} has no number, got {value!r}; leave it out")
        if kind.periodic and not 0 < value < math.inf:
            raise ArchitectureError(f"a sine needs a positive finite frequency, got {value!r}")
        if math.isinf(value):
            raise ArchitectureError(f"the number of activation {kind.name!r} must be finite, got {value!r}")

    @property
    def properties(self) -> ActivationKind:
        """The registered kind."""
        return activation_kind(self.kind)

    def __call__(self, x: Tensor, parameter: Tensor | None = None) -> Tensor:
        """Apply it elementwise; `parameter` replaces `value` where it is learned (PReLU)."""
        return self.properties.function(x, self.value if parameter is None else parameter)


def _leaky(x: Tensor, slope: Tensor | float) -> Tensor:
    return torch.where(x >= 0, x, slope * x)


_BUILT_IN = (
    ActivationKind("identity", 0, lambda x, _: x, odd=True, degree=1.0),
    ActivationKind("relu", 1, lambda x, _: F.relu(x), degree=1.0),
    ActivationKind("leaky_relu", 2, _leaky, degree=1.0, value=0.01),
    ActivationKind("prelu", 3, _leaky, degree=1.0, value=0.25),
    ActivationKind("relu_squared", 4, lambda x, _: F.relu(x).square(), degree=2.0),
    ActivationKind("tanh", 5, lambda x, _: torch.tanh(x), odd=True),
    ActivationKind("softsign", 6, lambda x, _: F.softsign(x), odd=True),
    ActivationKind("arctan", 7, lambda x, _: torch.atan(x), odd=True),
    ActivationKind("erf", 8, lambda x, _: torch.erf(x), odd=True),
    ActivationKind("sine", 9, lambda x, w: torch.sin(w * x), odd=True, periodic=True, value=30.0),
    ActivationKind("sigmoid", 10, lambda x, _: torch.sigmoid(x)),
    ActivationKind("gelu", 11, lambda x, _: F.gelu(x)),
    ActivationKind("silu", 12, lambda x, _: F.silu(x)),
    ActivationKind("elu", 13, lambda x, _: F.elu(x)),
    ActivationKind("selu", 14, lambda x, _: F.selu(x)),
    ActivationKind("softplus", 15, lambda x, _: F.softplus(x)),
    ActivationKind("softmax", 16, lambda x, _: torch.softmax(x, dim=1), elementwise=False),
    ActivationKind("log_softmax", 17, lambda x, _: torch.log_softmax(x, dim=1), elementwise=False),
    ActivationKind("tanhshrink", 18, lambda x, _: F.tanhshrink(x), odd=True),
)
for _kind in _BUILT_IN:
    register_activation(_kind)
