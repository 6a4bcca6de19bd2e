"""Between the taps of an edge and its features."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import NetworkGraph, Structure, batch_graphs, to_graph
from scalegmn.networks import (
    Activate,
    Activation,
    Conv,
    Dense,
    EdgeType,
    Flatten,
    Layer,
    LayeredArchitecture,
    Size,
    Skip,
)
from scalegmn.nn._taps import TABLED_KERNELS, TapBlock, TapDecoder, TapEncoder, TapVectors, tap_blocks
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_parameters, randomize
from tests.nn.cases import WIDTH, assert_equal, case_of

KERNELS: tuple[Size, ...] = ((1, 1), (3, 3), (5, 5), (7, 7), (2, 2), (9, 9), (1, 4), (4, 1), (3, 5))


def encoder() -> TapEncoder:
    return randomize(TapEncoder(features=WIDTH, hidden=6), generator=generator(0)).double()


def decoder() -> TapDecoder:
    return randomize(TapDecoder(features=WIDTH, hidden=6), generator=generator(0)).double()


def graph_of(kernel: Size, flattened: Size | None = None) -> NetworkGraph:
    """A convolution, and a dense layer on pooled or flattened maps; two of its channels are skipped on."""
    relu = Activate(Activation("relu"))
    map_size = flattened or (1, 1)
    layers: list[Layer] = [Conv("a", 2, 3, kernel), relu, Conv("b", 3, 3, (1, 1)), relu]
    layers += [Flatten(map_size), Dense("c", 3 * map_size[0] * map_size[1], 2)]
    architecture = LayeredArchitecture(tuple(layers), (Skip(0, 1, 2),))
    return batch_graphs(architecture, random_parameters(architecture, 2, generator=generator(1)))


def block_of(kind: EdgeType, height: int, width: int) -> TapBlock:
    empty = torch.zeros(0, dtype=torch.long)
    return TapBlock(kind, height, width, empty, empty.reshape(0, height * width))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("flattened", [None, (2, 3)])
def test_blocks_hold_every_edge_and_tap_once(kernel: Size, flattened: Size | None) -> None:
    graph = graph_of(kernel, flattened)
    blocks = tap_blocks(Structure.from_graph(graph))
    assert torch.equal(torch.cat([b.edges for b in blocks]).sort().values, torch.arange(graph.num_edges))
    taps = torch.cat([b.taps.flatten() for b in blocks])
    assert torch.equal(taps.sort().values, torch.arange(graph.tap_weight.numel()))
    edge_of_tap = torch.arange(graph.num_edges).repeat_interleave(graph.edge_taps)
    for block in blocks:
        assert (graph.edge_type[block.edges] == int(block.kind)).all()
        assert (graph.edge_kernel[block.edges] == torch.tensor([block.height, block.width])).all()
        assert torch.equal(edge_of_tap[block.taps], block.edges[:, None].expand_as(block.taps))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("flattened", [None, (2, 3)])
def test_encoding_is_a_sum_over_taps(kernel: Size, flattened: Size | None) -> None:
    graph = graph_of(kernel, flattened)
    encode, blocks = encoder(), tap_blocks(Structure.from_graph(graph))
    found = encode(graph.tap_weight, blocks)
    vectors = torch.zeros(graph.tap_weight.numel(), WIDTH, dtype=torch.float64)
    for block in blocks:
        vectors[block.taps] = encode.vectors(block).detach()
    edge = torch.arange(graph.num_edges).repeat_interleave(graph.edge_taps)
    expected = torch.zeros_like(found).index_add(0, edge, graph.tap_weight[:, None] * vectors)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("seed", range(5))
def test_laws(seed: int) -> None:
    """Weights of transformed networks are encoded as transformed features."""
    case = case_of(seed)
    encode = encoder()
    before = case.at.edges(encode(case.graph.tap_weight, tap_blocks(Structure.from_graph(case.graph))))
    after = case.moved_at.edges(encode(case.moved.tap_weight, tap_blocks(Structure.from_graph(case.moved))))
    torch.testing.assert_close(after, case.move_edges(before), rtol=1e-9, atol=1e-11)


def test_linear() -> None:
    graph = graph_of((2, 3), (3, 2))
    encode, decode, blocks = encoder(), decoder(), tap_blocks(Structure.from_graph(graph))
    g = generator(2)
    v, w = torch.randn(2, graph.tap_weight.numel(), generator=g, dtype=torch.float64)
    torch.testing.assert_close(encode(2 * v - 3 * w, blocks), 2 * encode(v, blocks) - 3 * encode(w, blocks))
    d, e = torch.randn(2, graph.num_edges, WIDTH, generator=g, dtype=torch.float64)
    torch.testing.assert_close(decode(2 * d - 3 * e, blocks), 2 * decode(d, blocks) - 3 * decode(e, blocks))


@pytest.mark.parametrize("kernel", KERNELS)
def test_decoding_is_the_transpose(kernel: Size) -> None:
    graph = graph_of(kernel, (2, 3))
    encode, decode, blocks = encoder(), decoder(), tap_blocks(Structure.from_graph(graph))
    decode.vectors = encode.vectors
    g = generator(3)
    w = torch.randn(graph.tap_weight.numel(), generator=g, dtype=torch.float64)
    # Skip connections are constants: they are read, and never written.
    w[torch.cat([b.taps.flatten() for b in blocks if b.kind is EdgeType.skip])] = 0
    e = torch.randn(graph.num_edges, WIDTH, generator=g, dtype=torch.float64)
    torch.testing.assert_close((encode(w, blocks) * e).sum(), (w * decode(e, blocks)).sum() * WIDTH**0.5)


def test_skips_are_not_written() -> None:
    graph = graph_of((3, 3))
    taps = decoder()(
        torch.ones(graph.num_edges, WIDTH, dtype=torch.float64), tap_blocks(Structure.from_graph(graph))
    )
    skips = (graph.edge_type == int(EdgeType.skip)).repeat_interleave(graph.edge_taps)
    assert (taps[0, skips] == 0).all() and (taps[0, ~skips] != 0).all()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [EdgeType.convolution, EdgeType.flattened])
def test_every_position_has_its_own_vector(kind: EdgeType, kernel: Size) -> None:
    vectors = encoder().vectors(block_of(kind, *kernel))
    assert vectors.shape == (kernel[0] * kernel[1], WIDTH)
    assert torch.isfinite(vectors).all()
    assert len({tuple(row) for row in vectors.detach().mul(1e6).round().tolist()}) == kernel[0] * kernel[1]


def test_kinds_and_sizes_are_told_apart() -> None:
    vectors = encoder().vectors
    kinds = [vectors(block_of(kind, 1, 1)) for kind in EdgeType]
    assert len({tuple(row.flatten().tolist()) for row in kinds}) == len(EdgeType)
    assert not torch.allclose(
        vectors(block_of(EdgeType.convolution, 2, 3)), vectors(block_of(EdgeType.convolution, 3, 2))
    )
    corners = [vectors(block_of(EdgeType.flattened, n, n))[0] * n for n in (2, 4, 8)]
    assert not torch.allclose(corners[0], corners[1]) and not torch.allclose(corners[1], corners[2])


def test_usual_kernels_have_tables() -> None:
    vectors = TapVectors(features=WIDTH, hidden=6)
    for size in TABLED_KERNELS:
        block = block_of(EdgeType.convolution, size, size)
        assert vectors(block) is vectors.tables[f"kernel{size}"]
    assert vectors(block_of(EdgeType.dense, 1, 1)) is vectors.tables["dense"]


def test_one_kind_of_edges_only() -> None:
    architecture = LayeredArchitecture((Dense("a", 2, 3), Activate(Activation("relu")), Dense("b", 3, 1)))
    graph = to_graph(architecture, random_parameters(architecture, 1, generator=generator(0))[0])
    encode = encoder()
    expected = graph.tap_weight[:, None] * encode.vectors.tables["dense"]
    assert_equal(encode(graph.tap_weight, tap_blocks(Structure.from_graph(graph))), expected)
