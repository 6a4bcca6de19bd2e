"""From networks to graphs, and back."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from scalegmn.errors import GraphError
from scalegmn.graph._geometric import Batch
from scalegmn.graph._layout import GraphLayout
from scalegmn.graph._layouts import layout_of
from scalegmn.graph._network_graph import NetworkGraph
from scalegmn.graph._parameter_fields import parameter_fields
from scalegmn.graph._pyg import index_graphs
from scalegmn.graph._tiles import device_tile, kept_tile
from scalegmn.networks import Architecture
from scalegmn.networks.modules import ModuleArgument, ThetaArgument, read_module, write_module
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.tracing import unwrap
from scalegmn.shapes import NodeScalars, ParameterRows, TapScalars


def to_graph(
    network: ModuleArgument | Architecture,
    theta: ThetaArgument | None = None,
    *,
    example_inputs: Sequence[Any] | Tensor | None = None,
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
        example_inputs: what the module's ``forward`` takes; with it any module is read, whatever its forward
            does (:class:`~scalegmn.programs.ProgramArchitecture`).
        input_size: height and width of the images a convolutional module reads, where a flattening
            needs it.
        label: stored as ``y``.

    Returns:
        A graph of V nodes, E edges and T taps, with fields ``tap_weight (T,)``, ``node_bias (V,)`` and so on.

    Raises:
        UnsupportedLayerError: the module holds something that cannot be read; names it and its place.
        ProgramError: the module cannot be traced with the example.
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

        Any module needs an example of its input:

        >>> norm = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
        >>> to_graph(norm, example_inputs=torch.zeros(1, 3, 8, 8)).num_nodes
        35
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
        architecture, theta = _read(network, example_inputs, input_size)
    if theta.shape != (architecture.num_parameters,):
        raise GraphError(
            f"theta has shape {tuple(theta.shape)}, expected ({architecture.num_parameters},) for "
            f"{architecture.describe()}"
        )
    fields = {
        name: value.to(theta.device, copy=True) for name, value in layout_of(architecture).structure.items()
    }
    graph = NetworkGraph(
        num_nodes=fields["node_role"].numel(), **fields, **parameter_fields(architecture, theta[None])
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
    tiled = (kept_tile if shared else device_tile)(architecture, count, theta.device)
    for name, value in {**tiled, **parameter_fields(architecture, theta)}.items():
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
    graph: NetworkGraph,
    *,
    like: ModuleArgument,
    example_inputs: Sequence[Any] | Tensor | None = None,
    input_size: tuple[int, int] | None = None,
) -> nn.Module:
    """A copy of `like` that carries the parameters of `graph`; the way back from :func:`to_graph`.

    Args:
        graph: of one network.
        like: a module of the architecture of the graph.
        example_inputs: as in :func:`to_graph`.
        input_size: as in :func:`to_graph`.

    Returns:
        A deep copy of `like` in its dtype and on its device.  Numbers that no output depends on, and the
        graph does not hold, are those of `like`.

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
    architecture, old = _read(like, example_inputs, input_size)
    theta = to_parameters(graph, architecture)
    if theta.shape[0] != 1:
        raise GraphError(f"the graph holds {theta.shape[0]} networks, expected one")
    owned = layout_of(architecture).owned.to(theta.device)
    new = torch.where(owned, theta[0], old.to(theta))
    if example_inputs is None:
        return write_module(architecture, new, like=like)
    module = deepcopy(like)
    inner = unwrap(module)
    inner.load_state_dict(architecture.write_state(new, like=inner.state_dict()))
    return module


def _read(
    module: ModuleArgument, example_inputs: Sequence[Any] | Tensor | None, input_size: tuple[int, int] | None
) -> tuple[Architecture, Tensor]:
    """The architecture of a module and its parameters: by its layers, or traced where there is an example."""
    if example_inputs is None:
        return read_module(module, input_size=input_size)
    architecture = ProgramArchitecture.from_module(module, example_inputs)
    return architecture, architecture.read_state(unwrap(module).state_dict())


def _per_network(layout: GraphLayout, architecture: Architecture, *fields: Tensor) -> list[Tensor]:
    """Taps and fields of nodes with one row for each network."""
    taps, *nodes = fields
    count = nodes[0].numel() // max(layout.num_nodes, 1)
    if nodes[0].numel() != count * layout.num_nodes or taps.numel() != count * layout.num_taps:
        raise GraphError(
            f"{taps.numel()} taps and {nodes[0].numel()} nodes do not make networks of "
            f"{architecture.describe()}, which has {layout.num_taps} and {layout.num_nodes}; give the "
            "network that the graph was made from, or one of the same architecture"
        )
    return [field.reshape(count, -1) for field in fields]
