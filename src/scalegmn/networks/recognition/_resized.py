"""Networks like known ones, of other widths, kernels or depths, from the shapes of their parameters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

from scalegmn.errors import ArchitectureError
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    Layer,
    LayeredArchitecture,
    Pool,
    Skip,
    Stage,
    Weighted,
)
from scalegmn.networks.recognition._names import natural_key, stem_and_leaf
from scalegmn.networks.recognition._variants import meaning

Shape = tuple[int, ...]

_RANKS: Final = {2: Dense, 4: Conv}


@final
@dataclass(frozen=True)
class _Weights:
    """A weighted layer of a file: its name there, the shape of its weight, and whether it has a bias."""

    name: str
    shape: Shape
    bias: bool


def resize_architectures(
    shapes: Mapping[str, Shape], templates: Sequence[LayeredArchitecture]
) -> list[LayeredArchitecture]:
    """Networks with these parameters that are built as one of `templates` is, each meaning once.

    The layers of the file are dense or convolutional, numbered in one series of names (one for each of the
    two kinds), the last one maybe called by a word, and
    each reads what the one before it gives.  Their strides, padding, pooling and activations are those of the
    template: of its layers one by one where it has as many, or those that all its hidden layers share.

    Args:
        shapes: of the parameters by their names, without prefixes.
        templates: known architectures.

    Returns:
        Networks whose parameters have these names and shapes.
    """
    layers = _layers(shapes)
    if layers is None:
        return []
    found: dict[Architecture, LayeredArchitecture] = {}
    for template in templates:
        built = _built(layers, template)
        if built is not None and {p.name: p.shape for p in built.parameters} == dict(shapes):
            found.setdefault(meaning(built), built)
    return list(found.values())


def _layers(shapes: Mapping[str, Shape]) -> list[_Weights] | None:
    """The weighted layers in their order, or None where names and shapes do not tell it."""
    weights = {stem_and_leaf(name)[0]: shape for name, shape in shapes.items() if name.endswith(".weight")}
    biases = {stem_and_leaf(name)[0]: shape for name, shape in shapes.items() if name.endswith(".bias")}
    whole = len(weights) + len(biases) == len(shapes) and set(biases) <= set(weights)
    if not whole or not weights or any(len(shape) not in _RANKS for shape in weights.values()):
        return None
    if any(biases[stem] != weights[stem][:1] for stem in biases):
        return None
    numbered = sorted((stem for stem in weights if re.search("[0-9]$", stem)), key=_place(weights))
    words = [stem for stem in weights if stem not in numbered]
    if len(words) > 1 or any(len(weights[word]) != 2 for word in words):
        return None
    # Numbers tell an order within one series of names, and not that of two, such as encoders and decoders.
    series = {(len(weights[stem]), re.sub("[0-9]+$", "", stem)) for stem in numbered}
    if len(series) > len({rank for rank, _ in series}):
        return None
    order = [*numbered, *words]
    if words and _follow([*words, *numbered], weights):
        # A layer with a word for a name might as well be the first one.
        return None
    return [_Weights(stem, weights[stem], stem in biases) for stem in order]


def _follow(order: Sequence[str], weights: Mapping[str, Shape]) -> bool:
    """Whether each of some dense layers reads what the one before it gives."""
    shapes = [weights[stem] for stem in order]
    dense = all(len(shape) == 2 for shape in shapes)
    return dense and len(shapes) > 1 and all(b[1] == a[0] for a, b in pairwise(shapes))


def _place(weights: Mapping[str, Shape]) -> Callable[[str], tuple[object, ...]]:
    # Convolutions come before dense layers, whatever they are called.
    return lambda stem: (len(weights[stem]) != 4, natural_key(stem))


def _built(layers: Sequence[_Weights], template: LayeredArchitecture) -> LayeredArchitecture | None:
    """The network of these layers after the example of a template; None where it cannot be one."""
    stages = _stages(template, len(layers))
    if stages is None or any(
        _RANKS[len(layer.shape)] is not type(stage.weighted)
        for layer, stage in zip(layers, stages, strict=True)
    ):
        return None
    if template.leading and layers[0].shape[1] != template.num_inputs:
        # The size of a flattened image says how many inputs there are.
        return None
    same_depth = len(stages) == len(template.stages)
    if template.skips and not same_depth:
        return None
    made: list[Layer] = list(template.leading)
    for layer, stage in zip(layers, stages, strict=True):
        made.append(_weighted(layer, stage.weighted))
        made += stage.followers
    widths = [layer.shape[0] for layer in layers]
    try:
        return LayeredArchitecture(tuple(made), _skips(template, widths))
    except ArchitectureError:
        return None


def _stages(template: LayeredArchitecture, count: int) -> list[Stage] | None:
    """One stage of the template for each of `count` layers."""
    own = list(template.stages)
    if len(own) == count:
        return None if any(stage.activate.name is not None for stage in own) else own
    if len(own) < 2 or count < 2:
        return None
    *hidden, last = own
    kinds = [stage for stage in hidden if isinstance(stage.weighted, Conv)]
    if kinds and len(kinds) < len(hidden):
        # Several dense layers behind the convolutions: it is open which kind there are more of.
        return None
    if len({_way(stage) for stage in hidden}) > 1 or len({_rest(stage) for stage in hidden[:-1]}) > 1:
        return None
    if len(hidden) == 1 and kinds:
        # What lies between two convolutions was never seen.
        return None
    inner = hidden[0]
    return [*[inner] * (count - 2), hidden[-1], last]


def _way(stage: Stage) -> tuple[object, ...]:
    """How a layer works, apart from its size."""
    layer = stage.weighted
    if isinstance(layer, Dense):
        return (Dense, stage.activate)
    return (Conv, layer.stride, _half(layer), layer.dilation, layer.groups, stage.activate)


def _rest(stage: Stage) -> tuple[Layer, ...]:
    return tuple(layer for layer in stage.followers if not isinstance(layer, Activate))


def _half(layer: Conv) -> object:
    """The padding: half of the kernel, or as many as it is."""
    return "half" if layer.padding == tuple(size // 2 for size in layer.kernel) else layer.padding


def _weighted(layer: _Weights, like: Weighted) -> Weighted:
    if isinstance(like, Dense):
        return Dense(layer.name, layer.shape[1], layer.shape[0], layer.bias)
    height, width = layer.shape[2:]
    half = _half(like) == "half"
    return dataclasses.replace(
        like,
        name=layer.name,
        inputs=layer.shape[1] * like.groups,
        outputs=layer.shape[0],
        kernel=(height, width),
        padding=(height // 2, width // 2) if half else like.padding,
        bias=layer.bias,
    )


def _skips(template: LayeredArchitecture, widths: Sequence[int]) -> tuple[Skip, ...]:
    """The template's, which add all channels that both layers have where they did so there."""
    found = []
    for skip in template.skips:
        before = [template.stages[number].weighted.outputs for number in (skip.source, skip.target)]
        most = min(widths[skip.source], widths[skip.target])
        found.append(
            dataclasses.replace(skip, channels=most if skip.channels == min(before) else skip.channels)
        )
    return tuple(found)


def usual_templates(activation: Activation) -> tuple[LayeredArchitecture, ...]:
    """MLPs, and the convolutional networks of the Small CNN Zoo, where no architecture is known."""
    perceptron = LayeredArchitecture((Dense("0", 1, 1), Activate(activation), Dense("2", 1, 1)))
    convolutions: list[Layer] = []
    for number in range(2):
        convolutions += [Conv(str(number), 1, 1, (3, 3), (2, 2)), Activate(activation)]
    tail = (Pool("average"), Flatten((1, 1)), Dense("fc", 1, 1))
    return (perceptron, LayeredArchitecture((*convolutions, *tail)))
