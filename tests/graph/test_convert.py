"""From networks to graphs and back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Batch

from scalegmn.errors import ArchitectureError, GraphError, UnsupportedLayerError
from scalegmn.graph import (
    FIELDS,
    NetworkGraph,
    batch_graphs,
    to_graph,
    to_module,
    to_parameters,
    update_parameters,
)
from scalegmn.graph._structure import TENSORS
from scalegmn.networks import (
    Activate,
    Activation,
    Conv,
    Dense,
    EdgeType,
    Flatten,
    LayeredArchitecture,
    Role,
    Skip,
    mlp,
    run,
    siren,
)
from scalegmn.networks.modules import build_module, read_module
from scalegmn.seeding import generator
from scalegmn.testing.architectures import random_architecture
from scalegmn.testing.parameters import random_inputs, random_parameters

EXACT = settings(derandomize=True, deadline=None, max_examples=40)
SMALL = mlp(widths=(2, 3, 1), activations=[Activation("sine", 7.0)])


def test_a_graph_by_hand() -> None:
    theta = torch.arange(13, dtype=torch.float64)
    graph = to_graph(SMALL, theta)
    # Weights of 0: (3, 2), biases: (3,); weights of 2: (1, 3), bias: (1,).
    assert graph.edge_index.tolist() == [[0, 1, 0, 1, 0, 1, 2, 3, 4], [2, 2, 3, 3, 4, 4, 5, 5, 5]]
    assert graph.tap_weight.tolist() == [0, 1, 2, 3, 4, 5, 9, 10, 11]
    assert graph.node_bias.tolist() == [0, 0, 6, 7, 8, 12]
    assert graph.node_role.tolist() == [Role.input] * 2 + [Role.hidden] * 3 + [Role.output]
    assert graph.node_layer.tolist() == [0, 0, 1, 1, 1, 2]
    assert graph.node_position.tolist() == [0, 1, 0, 1, 2, 0]
    assert graph.node_group.tolist() == [0, 0, 5, 5, 5, 0]
    assert graph.node_value.tolist() == [0, 0, 7, 7, 7, 0]
    assert graph.edge_type.tolist() == [EdgeType.dense] * 9


def test_taps_and_skips_by_hand() -> None:
    relu = Activate(Activation("relu"))
    maps = (Conv("a", 1, 2, (1, 2)), relu, Conv("b", 2, 2, (1, 1)), relu)
    layers = (*maps, Flatten((1, 3)), Dense("c", 6, 1))
    architecture = LayeredArchitecture(layers, (Skip(0, 1, 2),))
    theta = torch.arange(architecture.num_parameters, dtype=torch.float64)
    graph = to_graph(architecture, theta)
    kinds = [EdgeType.convolution] * 6 + [EdgeType.flattened] * 2 + [EdgeType.skip] * 2
    assert graph.edge_type.tolist() == kinds
    assert graph.edge_kernel.tolist() == [[1, 2]] * 2 + [[1, 1]] * 4 + [[1, 3]] * 2 + [[1, 1]] * 2
    assert graph.tap_weight.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 1, 1]
    assert graph.edge_index[:, -4:].tolist() == [[3, 4, 1, 2], [5, 5, 3, 4]]


@pytest.mark.slow
@EXACT
@given(seed=st.integers(0, 10**6), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_batch_equals_that_of_pyg(seed: int, dtype: torch.dtype) -> None:
    """Every field, everything that PyG keeps beside them, and every graph that is taken out again."""
    g = generator(seed)
    architecture = random_architecture(generator=g)
    theta = random_parameters(architecture, 3, generator=g, dtype=dtype)
    labels = torch.arange(3)
    fast = batch_graphs(architecture, theta, labels)
    slow = Batch.from_data_list(
        [to_graph(architecture, t, label=y) for t, y in zip(theta, labels, strict=True)]
    )
    assert type(fast) is type(slow)
    assert set(fast.keys()) == set(slow.keys())
    for name in (*(field.name for field in FIELDS), "batch", "ptr", "y"):
        assert fast[name].dtype == slow[name].dtype, name
        assert torch.equal(fast[name], slow[name].reshape(fast[name].shape)), name
    assert fast.num_graphs == slow.num_graphs and fast.num_nodes == slow.num_nodes
    fast.check()
    for one, other in zip(fast.to_data_list(), slow.to_data_list(), strict=True):
        assert isinstance(one, NetworkGraph)
        assert one.num_nodes == other.num_nodes
        assert all(torch.equal(one[field.name], other[field.name]) for field in FIELDS)
        assert one.y == other.y
    # A batch that was taken apart can be put together again.
    again = Batch.from_data_list(fast.to_data_list())
    assert all(torch.equal(again[field.name], fast[field.name]) for field in FIELDS)


@EXACT
@given(seed=st.integers(0, 10**6))
def test_parameters_come_back(seed: int) -> None:
    g = generator(seed)
    architecture = random_architecture(generator=g)
    theta = random_parameters(architecture, 3, generator=g)
    assert torch.equal(to_parameters(batch_graphs(architecture, theta), architecture), theta)
    assert torch.equal(to_parameters(to_graph(architecture, theta[1]), architecture), theta[1:2])


def test_labels() -> None:
    theta = random_parameters(SMALL, 3, generator=generator(0))
    values = torch.rand(3, 4)
    batch = batch_graphs(SMALL, theta, values)
    assert torch.equal(batch.y, values)
    assert torch.equal(batch[1].y, values[1:2])
    assert "y" not in batch_graphs(SMALL, theta)


def test_graphs_are_differentiable() -> None:
    theta = random_parameters(SMALL, 2, generator=generator(0)).requires_grad_()
    graph = batch_graphs(SMALL, theta)
    (graph.tap_weight.sum() + 2 * graph.node_bias.sum()).backward()
    assert theta.grad is not None
    assert theta.grad[0].tolist() == [1] * 6 + [2] * 3 + [1] * 3 + [2]
    taps, biases = graph.tap_weight.detach().requires_grad_(), graph.node_bias.detach()
    update_parameters(SMALL, taps, biases).sum().backward()
    assert taps.grad is not None and (taps.grad == 1).all()


def test_one_graph_does_not_change_another() -> None:
    """Structure is computed once for an architecture; nobody may write into it."""
    first = to_graph(SMALL, torch.zeros(13)).clone()
    first.node_layer += 5
    batch_graphs(SMALL, torch.zeros(2, 13)).node_layer.add_(5)
    assert to_graph(SMALL, torch.zeros(13)).node_layer.max() == 2


def modules() -> dict[str, tuple[nn.Sequential, tuple[int, ...]]]:
    hidden = (nn.Linear(5, 4), nn.PReLU(4))
    second = (nn.Conv2d(4, 2, (3, 1), groups=2), nn.GELU())
    return {
        "mlp": (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(), *hidden, nn.Linear(4, 2)), (3,)),
        "cnn": (
            nn.Sequential(
                nn.Conv2d(1, 4, 3, padding=1),
                nn.Tanh(),
                nn.MaxPool2d(2),
                *second,
                nn.Flatten(),
                nn.Linear(2 * 2 * 4, 3),
            ),
            (1, 8, 8),
        ),
    }


@pytest.mark.parametrize("name", modules())
def test_modules_come_back(name: str) -> None:
    module, shape = modules()[name]
    module.eval()
    size = (8, 8) if len(shape) == 3 else None
    graph = to_graph(module, input_size=size, label=torch.tensor(3))
    graph.check()
    assert graph.y == 3
    blank = modules()[name][0].eval()
    again = to_module(graph, like=blank, input_size=size)
    x = torch.rand(4, *shape)
    assert torch.equal(again(x), module(x))
    assert not torch.equal(blank(x), module(x))


def test_siren_module_comes_back() -> None:
    architecture = siren(widths=(2, 4, 1))
    theta = random_parameters(architecture, 1, generator=generator(0))[0]
    module = build_module(architecture, theta)
    graph = to_graph(module)
    assert torch.equal(graph.tap_weight, to_graph(architecture, theta).tap_weight)
    x = random_inputs(architecture, 4, generator=generator(1))
    again = to_module(graph, like=build_module(architecture).double())
    torch.testing.assert_close(again(x), run(architecture, theta[None], x)[0])


def test_updates_are_packed_like_parameters() -> None:
    layers = (Dense("a", 2, 3), Activate(Activation("prelu"), "slope", 3), Dense("b", 3, 1))
    architecture = LayeredArchitecture(layers)
    theta = random_parameters(architecture, 2, generator=generator(0))
    graph = batch_graphs(architecture, theta)
    packed = update_parameters(architecture, graph.tap_weight, graph.node_bias)
    slope = architecture.parameter("slope.weight")
    assert (packed[:, slope.start : slope.stop] == 0).all()
    packed[:, slope.start : slope.stop] = theta[:, slope.start : slope.stop]
    assert torch.equal(packed, theta)


def test_mistakes() -> None:
    theta = torch.zeros(13)
    with pytest.raises(GraphError, match="pass theta"):
        to_graph(SMALL)
    with pytest.raises(GraphError, match="leave theta out"):
        to_graph(nn.Sequential(nn.Linear(2, 1)), theta)
    with pytest.raises(GraphError, match=r"shape \(12,\), expected \(13,\) for 2-3-1"):
        to_graph(SMALL, theta[:-1])
    with pytest.raises(GraphError, match=r"shape \(13,\), expected \(B, 13\)"):
        batch_graphs(SMALL, theta)
    with pytest.raises(GraphError, match="do not make networks of 2-3-1"):
        to_parameters(to_graph(siren(widths=(2, 4, 1)), torch.zeros(17)), SMALL)
    with pytest.raises(GraphError, match="2 networks, expected one"):
        like = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        to_module(batch_graphs(SMALL, torch.zeros(2, 13)), like=like)
    with pytest.raises(UnsupportedLayerError, match="LSTM"):
        to_graph(nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2)))
    with pytest.raises((GraphError, ArchitectureError)):
        to_module(to_graph(SMALL, theta), like=nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)))


@pytest.mark.parametrize("kept", [2**19, 0])
def test_shared_fields_are_those_of_the_single_networks(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.graph._tiles._KEPT_EDGES", kept)
    rng = generator(5, "shared")
    for architecture in (random_architecture(generator=rng), SMALL):
        # Up, down and up again: what is kept belongs to the next power of two.
        for count in (3, 1, 8, 5, 2):
            theta = random_parameters(architecture, count, generator=rng, dtype=torch.float64)
            alone, shared = batch_graphs(architecture, theta), batch_graphs(architecture, theta, shared=True)
            for field in FIELDS:
                assert torch.equal(shared[field.name], alone[field.name]), field.name
                assert shared[field.name].dtype == alone[field.name].dtype
            assert shared.num_graphs == count
            first = shared.get_example(count - 1)
            assert torch.equal(first.edge_index, to_graph(architecture, theta[-1]).edge_index)


def test_only_shared_batches_share() -> None:
    theta = torch.zeros(2, SMALL.num_parameters)
    batch_graphs(SMALL, theta).edge_type.fill_(7)
    shared, again = (batch_graphs(SMALL, theta, shared=True).edge_type for _ in range(2))
    assert (shared != 7).all()
    assert shared.data_ptr() == again.data_ptr()


def test_shared_batches_of_one_size_have_the_very_same_tensors() -> None:
    # What is empty lies nowhere.
    names = [n for n in (*TENSORS, "batch", "ptr") if n not in ("node_network", "product_index")]
    one, other = (
        batch_graphs(SMALL, random_parameters(SMALL, 5, generator=generator(seed)), shared=True)
        for seed in (1, 2)
    )
    assert all(one[name] is other[name] for name in names)
    assert not torch.equal(one.tap_weight, other.tap_weight)
    # Batches of another size lie in the same memory, but are other tensors; those that share nothing do not.
    more = batch_graphs(SMALL, torch.zeros(6, SMALL.num_parameters), shared=True)
    alone = batch_graphs(SMALL, torch.zeros(5, SMALL.num_parameters))
    for name in names:
        assert more[name] is not one[name] and more[name].data_ptr() == one[name].data_ptr()
        assert alone[name].data_ptr() != one[name].data_ptr() and torch.equal(alone[name], one[name])


def test_graphs_drawn_in_inference_mode_first_can_be_trained_on() -> None:
    # An architecture of its own: nothing of it is kept yet.
    architecture = mlp(widths=(2, 5, 1), activations=[Activation("relu")])
    theta = torch.ones(3, architecture.num_parameters)
    with torch.inference_mode():
        batch_graphs(architecture, theta, shared=True)
    theta.requires_grad_()
    graph = batch_graphs(architecture, theta, shared=True)
    sent = graph.node_bias.index_select(0, graph.edge_index[0])
    (sent * graph.tap_weight).sum().backward()
    assert theta.grad is not None and theta.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Linear(2, 3)).state_dict(), "a dictionary with 2 entries.*architecture.flatten"),
        (torch.zeros(9), r"an array of shape \(9,\)"),
        ("net.pth", "the path 'net.pth'; read the file with read_state"),
        (None, "got None"),
        (nn.Linear, "the class nn.Linear; make an instance"),
        ([nn.Linear(2, 3)], r"a list of 1; wrap .*nn\.Sequential"),
        (nn.Sequential(nn.LazyLinear(3)), "layer '0' .*has no shape yet; run the network once"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_network(network: object, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        to_graph(network)  # type: ignore[arg-type]


def test_theta_that_is_no_tensor() -> None:
    module = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(GraphError, match=r"theta is a .*Dict; .*Architecture\.flatten"):
        to_graph(read_module(module)[0], module.state_dict())  # type: ignore[arg-type]
