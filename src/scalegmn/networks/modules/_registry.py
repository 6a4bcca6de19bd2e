"""Which classes of PyTorch modules can be read, and how: one registry, open to classes of one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, get_args

from torch import nn

from scalegmn.errors import ScaleGMNError, UnsupportedLayerError
from scalegmn.networks import Activate, Conv, Dense, Flatten, Layer, LayeredArchitecture, Pool, Skip, Weighted
from scalegmn.networks.modules._checks import call_path, children, class_name, position_of
from scalegmn.networks.modules._refusals import why_not

Data = Literal["inputs", "maps", "vectors"]
M = TypeVar("M", bound=nn.Module)
Reader = Callable[[M, "ModulePosition"], Sequence[Layer] | LayeredArchitecture]
if TYPE_CHECKING:
    KindArgument = type[M]
    ReaderArgument = Reader[M]
else:
    # Checks of annotations let everything pass, so that the errors can say what to do about it.
    KindArgument = ReaderArgument = type("Anything", (), {"__class_getitem__": lambda _: object})


class ModuleReading(NamedTuple):
    """What modules were read as: their layers, and the skip connections among these."""

    layers: tuple[Layer, ...]
    skips: tuple[Skip, ...] = ()


@dataclass(frozen=True)
class ModulePosition:
    """Where in a network a module stands.

    Attributes:
        name: its dotted name, which is also the prefix of its parameters' names in the state dict; empty
            for the network itself.
        data: what arrives there: the network's inputs as they are, feature maps, or vectors.
    """

    name: str
    data: Data

    def join(self, name: str) -> str:
        """The dotted name of what is called `name` within the module at this place."""
        return f"{self.name}.{name}" if self.name else name

    def read(self, parts: Mapping[str, nn.Module]) -> tuple[Layer, ...]:
        """The layers of submodules of the module at this place, which run one after the other.

        Args:
            parts: by their names within the module, in the order in which they run.

        Raises:
            UnsupportedLayerError: one of them cannot be read, or has skip connections.
        """
        layers: list[Layer] = []
        data = self.data
        for name, part in parts.items():
            reading = read_submodules(part, ModulePosition(self.join(name), data))
            if reading.skips:
                raise self.refusal(
                    part, f"its part {name!r} has skip connections; return an LayeredArchitecture"
                )
            layers += reading.layers
            data = _data_after(reading.layers, data)
        return tuple(layers)

    def refusal(self, module: nn.Module, reason: str) -> UnsupportedLayerError:
        """The error that says that `module` at this place cannot be read, and why."""
        return UnsupportedLayerError(f"{position_of(self.name)} ({class_name(type(module))}): {reason}")


class _Registered(NamedTuple):
    reader: Reader[Any]
    methods: Mapping[str, object]


_READERS: dict[type[nn.Module], _Registered] = {}
_SEQUENTIAL: Final = call_path(nn.Sequential, more=("__iter__",))


def register_module_reader(kind: KindArgument[M], reader: ReaderArgument[M]) -> None:
    """Say how modules of class `kind` (exactly, no subclasses) are read: a layer, a block or a whole network.

    Args:
        kind: the class.
        reader: given a module and its :class:`ModulePosition`, returns its layers in the order in which they
            run, possibly none, or an :class:`~scalegmn.networks.Architecture` where there are skip
            connections.  A layer that owns parameters has the name under which they stand in the network's
            state dict: ``place.join("linear")`` for a submodule ``linear``.  ``place.read`` reads submodules
            that are supported themselves.  The reader raises ``place.refusal(module, reason)`` for options
            that no layer describes.

    Raises:
        UnsupportedLayerError: `kind` is not a class of modules, or `reader` cannot be called.
    """
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise UnsupportedLayerError(
            f"{kind!r:.80} is not a class of torch.nn.Module; register the class itself"
        )
    if not callable(reader):
        raise UnsupportedLayerError(
            f"the reader for {class_name(kind)} is a {type(reader).__name__}, expected a function of the "
            "module and its place that returns layers"
        )
    _READERS[kind] = _Registered(reader, call_path(kind))


def can_read(module: nn.Module) -> bool:
    """Whether a reader is registered for exactly its class."""
    return type(module) in _READERS


def runs_in_order(module: nn.Module) -> bool:
    """Whether it is a Sequential that calls its parts one after the other, and does nothing else."""
    return isinstance(module, nn.Sequential) and call_path(type(module), more=("__iter__",)) == _SEQUENTIAL


def read_leaf(module: nn.Module, place: ModulePosition) -> ModuleReading:
    """What one module that has a reader is.

    Raises:
        UnsupportedLayerError: it has none, options that are not supported, or a reader that returns what
            cannot be.
    """
    if type(module) not in _READERS:
        raise place.refusal(module, why_not(module, tuple(_READERS)))
    reader, methods = _READERS[type(module)]
    if call_path(type(module)) != methods:
        raise place.refusal(
            module,
            "methods of its class were replaced since its reader was registered; restore them, or call "
            "register_module_reader again with a reader that knows them",
        )
    try:
        found: object = reader(module, place)
    except ScaleGMNError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise place.refusal(
            module,
            f"it is not built as its reader expects ({type(error).__name__}: {error}); build it as its class "
            "does, or correct the reader",
        ) from error
    if isinstance(found, LayeredArchitecture):
        reading = ModuleReading(found.layers, found.skips)
    elif isinstance(found, Sequence) and all(isinstance(layer, get_args(Layer)) for layer in found):
        reading = ModuleReading(tuple(found))
    else:
        raise place.refusal(
            module,
            f"its reader returned {found!r:.80}, expected a list of layers (scalegmn.networks._layers) or an "
            "LayeredArchitecture; correct what register_module_reader was given",
        )
    if not place.name:
        # What a reader made of the place's name and a dot.
        reading = reading._replace(layers=tuple(map(_without_dot, reading.layers)))
    _check_names(module, place, reading)
    return reading


def read_submodules(module: nn.Module, place: ModulePosition) -> ModuleReading:
    """What a module is, Sequentials opened.

    Raises:
        UnsupportedLayerError: something in it cannot be read.
    """
    layers: list[Layer] = []
    skips: list[Skip] = []
    data = place.data
    for name, leaf in _leaves(module, place.name):
        reading = read_leaf(leaf, ModulePosition(name, data))
        before = sum(isinstance(layer, Weighted) for layer in layers)
        skips += [
            dataclasses.replace(skip, source=skip.source + before, target=skip.target + before)
            for skip in reading.skips
        ]
        layers += reading.layers
        data = _data_after(reading.layers, data)
    return ModuleReading(tuple(layers), tuple(skips))


def _leaves(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """What has to be read, in the order in which it runs: Sequentials are opened, everything else is not."""
    if can_read(module) or not runs_in_order(module):
        yield name, module
        return
    for child_name, child in children(module):
        if child is None:
            raise ModulePosition(name, "inputs").refusal(
                module, f"its part {child_name!r} is None; delete it"
            )
        yield from _leaves(child, f"{name}.{child_name}" if name else child_name)


def _data_after(layers: Sequence[Layer], data: Data) -> Data:
    for layer in layers:
        if isinstance(layer, Conv | Pool):
            data = "maps"
        elif isinstance(layer, Dense | Flatten):
            data = "vectors"
    return data


def _without_dot(layer: Layer) -> Layer:
    if isinstance(layer, Dense | Conv | Activate) and layer.name is not None and layer.name.startswith("."):
        return dataclasses.replace(layer, name=layer.name[1:])
    return layer


def _check_names(module: nn.Module, place: ModulePosition, reading: ModuleReading) -> None:
    for layer in reading.layers:
        name = layer.name if isinstance(layer, Dense | Conv | Activate) else None
        if name == "":
            raise place.refusal(
                module, "a single layer has no name in a state dict; wrap it in nn.Sequential"
            )
        if name is not None and place.name and name != place.name and not name.startswith(f"{place.name}."):
            raise place.refusal(
                module,
                f"its reader calls a layer {name!r}, expected a name that starts with {place.name!r}; write "
                "place.join(name) in the reader",
            )
