"""From networks to graphs, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from scalegmn.errors import GraphError
from scalegmn.graph._batching import index_graphs, tile
from scalegmn.graph._fields import INDEX_FIELDS
from scalegmn.graph._layout import GraphLayout
from scalegmn.graph._layouts import layout_of
from scalegmn.graph._network_graph import NetworkGraph
from scalegmn.networks import CONSTANT, Architecture
from scalegmn.networks.modules import ModuleArgument, ThetaArgument, read_module, write_module
from scalegmn.shapes import NodeScalars, ParameterRows, TapScalars

_KEPT_EDGES: Final = 2**19
"""Up to this many edges the index tensors of a batch are kept for the next one (about 20 MB)."""


def to_graph(
    network: ModuleArgument | Architecture,
    theta: ThetaArgument | None = None,
    *,
    input_size: tuple[int, int] | None = None,
    label: Tensor | None = None,
) -> NetworkGraph:
    """The graph of one network: neurons are nodes, weights are edges.

    Edge ``j -> i`` carries the taps of ``w_ij`` (one number of a linear layer, a kernel of a convolution),
    node i the bias ``b_i`` and the group of the neuron; :data:`scalegmn.graph.FIELDS` lists all fields.

    Args:
        network: a module that :func:`~scalegmn.networks.modules.read_module` reads (its parameters are
            copied), or an architecture.
        theta: the parameters ``(P,)`` that go with an architecture; see ``Architecture.flatten`` for
            state dicts.
        input_size: height and width of the images a convolutional module reads, where a flattening
            needs it.
        label: stored as ``y``.

    Returns:
        A graph of V nodes, E edges and T taps, with fields ``tap_weight (T,)``, ``node_bias (V,)`` and so on.

    Raises:
        UnsupportedLayerError: the module holds something that cannot be read; names it and its place.
        ArchitectureError: `network` is neither; says what to pass instead of a state dict or a path.
        GraphError: `theta` is missing, superfluous or of the wrong shape.

    Law: of a network moved by a symmetry, the graph is the moved graph: taps obey the edge law, biases the
    primal law (:class:`scalegmn.symmetry.Law`).

    Example:
        >>> import torch
        >>> from scalegmn import to_graph
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> graph = to_graph(module)
        >>> graph.num_nodes, graph.num_edges
        (11, 24)
        >>> torch.equal(graph.tap_weight[:16], module[0].weight.flatten())
        True
    """
    if isinstance(network, Architecture):
        if not isinstance(theta, Tensor):
            raise GraphError(
                f"an architecture alone has no parameters, and theta is a {type(theta).__name__}; pass theta "
                "of shape (P,), which Architecture.flatten makes of a state dict"
            )
        architecture = network
    else:
        if theta is not None and isinstance(network, nn.Module):
            raise GraphError("a module brings its own parameters; leave theta out")
        architecture, theta = read_module(network, input_size=input_size)
    if theta.shape != (architecture.num_parameters,):
        raise GraphError(
            f"theta has shape {tuple(theta.shape)}, expected ({architecture.num_parameters},) for "
            f"{architecture.describe()}"
        )
    fields = {
        name: value.to(theta.device, copy=True) for name, value in layout_of(architecture).structure.items()
    }
    graph = NetworkGraph(
        num_nodes=fields["node_role"].numel(), **fields, **_values(architecture, theta[None])
    )
    if label is not None:
        graph.y = label
    return graph


def batch_graphs(
    architecture: Architecture, theta: ThetaArgument, labels: Tensor | None = None, *, shared: bool = False
) -> Batch:
    """A batch of networks of one architecture as one graph, without a Python loop over them.

    The result equals ``Batch.from_data_list([to_graph(architecture, row) for row in theta])``.

    Args:
        architecture: of all networks.
        theta: parameters ``(B, P)``.
        labels: stored as ``y``, ``(B, ...)``.
        shared: let batches of the architecture share the fields that do not depend on parameters, which
            saves most of the time; nobody may write into these fields then.

    Returns:
        A PyG batch of B graphs.

    Raises:
        GraphError: `theta` is of the wrong shape or no tensor.

    Example:
        >>> import torch
        >>> from scalegmn import batch_graphs, siren
        >>> network = siren(widths=(2, 8, 1))
        >>> batch = batch_graphs(network, torch.randn(5, network.num_parameters), torch.arange(5))
        >>> batch.num_graphs, batch.num_nodes, batch.y
        (5, 55, tensor([0, 1, 2, 3, 4]))
    """
    if not isinstance(architecture, Architecture) or not isinstance(theta, Tensor):
        raise GraphError(
            f"a batch is made of an Architecture and theta (B, P), got a {type(architecture).__name__} and a "
            f"{type(theta).__name__}; read_module gives both for one module"
        )
    if theta.ndim != 2 or theta.shape[1] != architecture.num_parameters:
        raise GraphError(
            f"theta has shape {tuple(theta.shape)}, expected (B, {architecture.num_parameters}) for "
            f"{architecture.describe()}"
        )
    count = theta.shape[0]
    layout = layout_of(architecture)
    nodes = layout.num_nodes
    batch = Batch(_base_cls=NetworkGraph)
    tiled = (_kept_tile if shared else _device_tile)(architecture, count, theta.device)
    for name, value in {**tiled, **_values(architecture, theta)}.items():
        batch[name] = value
    batch["num_nodes"] = nodes * count
    batch._store._num_nodes = [nodes] * count
    if labels is not None:
        batch["y"] = labels
    index_graphs(batch, layout, count)
    return batch


def to_parameters(graph: NetworkGraph, architecture: Architecture) -> ParameterRows:
    """The flat parameters ``(B, P)`` of the network(s) of one architecture in `graph`.

    Parameters that no field of the graph carries do not exist for the supported layers, but one number
    shared by several neurons (a PReLU with one slope) is read from the first of them.

    Example:
        >>> import torch
        >>> from scalegmn import batch_graphs, siren
        >>> from scalegmn.graph import to_parameters
        >>> network = siren(widths=(2, 8, 1))
        >>> theta = torch.randn(5, network.num_parameters)
        >>> torch.equal(to_parameters(batch_graphs(network, theta), network), theta)
        True
    """
    layout = layout_of(architecture)
    return layout.read(
        *_per_network(layout, architecture, graph.tap_weight, graph.node_bias, graph.node_value)
    )


def update_parameters(architecture: Architecture, taps: TapScalars, biases: NodeScalars) -> ParameterRows:
    """Pack updates of weights ``(B * T,)`` and biases ``(B * V,)`` as ``(B, P)``; slopes get 0.

    A parameter that is used several times gets the mean of what its uses have.
    """
    layout = layout_of(architecture)
    return layout.mean(*_per_network(layout, architecture, taps, biases, torch.zeros_like(biases)))


def to_module(
    graph: NetworkGraph, *, like: ModuleArgument, input_size: tuple[int, int] | None = None
) -> nn.Module:
    """A copy of `like` that carries the parameters of `graph`; the way back from :func:`to_graph`.

    Args:
        graph: of one network.
        like: a module of the architecture of the graph.
        input_size: as in :func:`to_graph`.

    Returns:
        A deep copy of `like` in its dtype and on its device.

    Raises:
        GraphError: the graph does not have the architecture of the module.

    Example:
        >>> import torch
        >>> from scalegmn import to_graph, to_module
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> graph = to_graph(module)
        >>> graph.tap_weight *= 2
        >>> torch.equal(to_module(graph, like=module)[2].weight, 2 * module[2].weight)
        True
    """
    architecture, _ = read_module(like, input_size=input_size)
    theta = to_parameters(graph, architecture)
    if theta.shape[0] != 1:
        raise GraphError(f"the graph holds {theta.shape[0]} networks, expected one")
    return write_module(architecture, theta[0], like=like)


def _per_network(layout: GraphLayout, architecture: Architecture, *fields: Tensor) -> list[Tensor]:
    """Taps and fields of nodes with one row for each network."""
    taps, *nodes = fields
    count = nodes[0].numel() // max(layout.num_nodes, 1)
    if nodes[0].numel() != count * layout.num_nodes or taps.numel() != count * layout.num_taps:
        raise GraphError(
            f"{taps.numel()} taps and {nodes[0].numel()} nodes do not make networks of "
            f"{architecture.describe()}, which has {layout.num_taps} and {layout.num_nodes}"
        )
    return [field.reshape(count, -1) for field in fields]


def _values(architecture: Architecture, theta: Tensor) -> dict[str, Tensor]:
    """The fields that hold parameters, of all networks ``(B, P)`` one after the other."""
    values = {}
    for name, source in _sources(architecture, theta.device).items():
        value = theta.index_select(1, source.places)
        if source.constant is not None:
            value = torch.where(source.constant, source.value.to(theta.dtype), value)
        if source.reciprocal is not None:
            # A divisor of 0 divides nothing: such a network computes no numbers.
            value = torch.where(
                source.reciprocal & (value != 0), 1 / torch.where(value == 0, 1, value), value
            )
        values[name] = value.reshape(-1)
    return values


class _Source(NamedTuple):
    """Where a field comes from: the parameter of every row, which rows are constant (None: none is) and what
    these hold, and which hold 1 divided by the parameter (None: none does)."""

    places: Tensor
    constant: Tensor | None
    value: Tensor
    reciprocal: Tensor | None


@lru_cache(maxsize=1024)
def _sources(architecture: Architecture, device: torch.device) -> dict[str, _Source]:
    layout = layout_of(architecture)
    sources: dict[str, tuple[Tensor, Tensor | float]] = {
        "tap_weight": (layout.tap_parameter, 1.0),
        "node_bias": (layout.bias_parameter, 0.0),
        "node_value": (layout.value_parameter, layout.value),
    }
    found: dict[str, _Source] = {}
    # What inference mode makes cannot be used by a later training.
    with torch.inference_mode(False):
        for name, (places, value) in sources.items():
            constant = (places == CONSTANT).to(device)
            fixed = torch.as_tensor(value).clone().to(device)
            inverse = layout.tap_reciprocal if name == "tap_weight" else None
            found[name] = _Source(
                places.clamp_min(0).to(device),
                constant if constant.any() else None,
                fixed,
                None if inverse is None else inverse.to(device),
            )
    return found


def _kept_tile(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    """As :func:`_device_tile`; all but large batches of one size get the very same tensors.

    By these, what was worked out for one batch is found for the next (:mod:`scalegmn.graph._cache`).
    """
    capacity = 1 << max(count - 1, 0).bit_length()
    if capacity * layout_of(architecture).structure["edge_type"].numel() > _KEPT_EDGES:
        return _device_tile(architecture, count, device)
    return _views(architecture, count, capacity, device)


@lru_cache(maxsize=256)
def _views(architecture: Architecture, count: int, capacity: int, device: torch.device) -> dict[str, Tensor]:
    """The fields of `count` networks are the first rows of those of more.

    Batches whose sizes differ a little, as they do among several architectures, share one tile.
    """
    structure = layout_of(architecture).structure
    rows = {name: count * value.shape[-1 if name in INDEX_FIELDS else 0] for name, value in structure.items()}
    rows |= {"batch": count * structure["node_role"].numel(), "ptr": count + 1}
    return {
        name: value[..., : rows[name]] if name in INDEX_FIELDS else value[: rows[name]]
        for name, value in _tile_of(architecture, capacity, device).items()
    }


@lru_cache(maxsize=64)
def _tile_of(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    """Cached; never written into."""
    # What inference mode makes cannot be used by a later training.
    with torch.inference_mode(False):
        return _device_tile(architecture, count, device)


def _device_tile(architecture: Architecture, count: int, device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in tile(layout_of(architecture).structure, count).items()}
