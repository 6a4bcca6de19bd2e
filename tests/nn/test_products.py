"""Products of neurons hear of both factors at once, and every message keeps its law."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, Structure, batch_graphs
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.nn import Neurons, PairMessages, ProductExchange, ProductMessages
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import SCALE_BIT, SIGN_BIT
from scalegmn.testing.parameters import randomize
from tests.nn.cases import EXACT, WIDTH, style_of

# Three factors on either side, and three products: scaled, flipped, and of what takes back each other.
CODES = [SCALE_BIT, SIGN_BIT, SCALE_BIT, 0, SIGN_BIT, SCALE_BIT, SCALE_BIT, 0, 0]
PAIRS = torch.tensor([[0, 1, 2, 0], [3, 4, 5, 3], [6, 7, 8, 6]])


def neurons_of(codes: list[int], roles: list[int] | None = None) -> Neurons:
    count = len(codes)
    whole = torch.zeros(count, dtype=torch.int64)
    role = torch.ones_like(whole) if roles is None else torch.tensor(roles)
    structure = Structure(
        edge_index=torch.empty(2, 0, dtype=torch.int64),
        product_index=PAIRS,
        edge_type=torch.empty(0, dtype=torch.int64),
        edge_kernel=torch.empty(0, 2, dtype=torch.int64),
        node_role=role,
        node_layer=whole,
        node_position=whole,
        node_group=torch.tensor(codes),
        node_degree=torch.ones(count),
        node_activation=whole,
        node_network=whole,
        num_graphs=1,
    )
    return Neurons(structure, symmetric=True)


def factors(seed: int) -> Tensor:
    """Of the nine neurons: the third product is of two that are scaled against each other."""
    q = torch.exp(2 * torch.randn(9, generator=generator(seed), dtype=torch.float64))
    q[1], q[4], q[3] = -1.0, -1.0, 1.0
    q[5] = 1 / q[2]
    q[6], q[7], q[8] = q[0] * q[3], q[1] * q[4], 1.0
    return q.unsqueeze(1)


def rows(seed: int) -> Tensor:
    return torch.randn(9, WIDTH, generator=generator(seed, "rows"), dtype=torch.float64)


@pytest.mark.parametrize("symmetrize", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_products_keep_the_laws(seed: int, symmetrize: bool) -> None:
    style = style_of(symmetrize=symmetrize)
    exchange = randomize(ProductExchange(style=style), generator=generator(seed)).double()
    neurons, q = neurons_of(CODES), factors(seed)
    x, u = rows(seed), rows(seed + 100)
    before, after = exchange.primal(x, PAIRS, neurons), exchange.primal(q * x, PAIRS, neurons)
    torch.testing.assert_close(after, q * before, rtol=EXACT, atol=EXACT)
    assert bool((before[6:].abs().amax(dim=1) > 1e-6).all()), "every product hears something"
    back, moved = exchange.dual(u, x, PAIRS, neurons), exchange.dual(u / q, q * x, PAIRS, neurons)
    torch.testing.assert_close(moved, back / q, rtol=EXACT, atol=EXACT)
    assert bool((back[:6].abs().amax(dim=1) > 1e-6).all()), "every factor hears something"


def test_the_law_is_that_of_products_only() -> None:
    """The test above would see it if one factor were moved without its product."""
    exchange = randomize(ProductExchange(style=style_of()), generator=generator(0)).double()
    neurons, q = neurons_of(CODES), factors(0)
    x = rows(0)
    q[6] = 1.0
    before, after = exchange.primal(x, PAIRS, neurons), exchange.primal(q * x, PAIRS, neurons)
    assert float((after - q * before)[6].detach().abs().max()) > 1e-3


def test_what_is_sent_is_the_product_of_both() -> None:
    messages = randomize(ProductMessages(style=style_of()), generator=generator(3)).double()
    neurons, x = neurons_of([0] * 9), rows(3)
    without = x.clone()
    without[3] = 0
    sums, fewer = messages(x, x, PAIRS, neurons), messages(without, without, PAIRS, neurons)
    # ScaleEq(0) = 0, and the first product has one pair of factors twice.
    assert float(fewer[6].detach().abs().max()) == 0 and torch.equal(sums[7:], fewer[7:])
    torch.testing.assert_close(sums[6], 2 * messages(x, x, PAIRS[:, :1], neurons)[6])


def test_outputs_that_are_products_have_a_map_of_their_own() -> None:
    messages = randomize(ProductMessages(style=style_of()), generator=generator(4)).double()
    neurons, x = neurons_of([0] * 9, roles=[1] * 6 + [2] * 3), rows(4)
    product = messages.first(x)[PAIRS[0]] * messages.second(x)[PAIRS[1]]
    expected = torch.zeros(9, WIDTH, dtype=torch.float64).index_add(0, PAIRS[2], messages.io(product))
    torch.testing.assert_close(messages(x, x, PAIRS, neurons), expected)


def test_pairs_follow_permutations_and_no_scales() -> None:
    messages = randomize(PairMessages(style=style_of()), generator=generator(5)).double()
    x, q = rows(5), factors(5)
    order = torch.randperm(9, generator=generator(6))
    place = torch.empty_like(order)
    place[order] = torch.arange(9)
    torch.testing.assert_close(messages(x[order], place[PAIRS]), messages(x, PAIRS)[order])
    assert float((messages(q * x, PAIRS) - q * messages(x, PAIRS)).detach().abs().max()) > 1e-3


class Gated(nn.Module):
    """Two branches, one of which opens the other."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.gate, self.down = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.down(self.up(x) * torch.tanh(self.gate(x)))
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("symmetry", list(Symmetry))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("readout", ["full_graph", "last_layer"])
def test_plans_compute_what_layers_say(
    symmetry: Symmetry, direction: Direction, readout: str, skip: bool
) -> None:
    if (symmetry, direction, readout) == (Symmetry.any_width, Direction.forward, "full_graph"):
        pytest.skip("there is no such model: a readout of all neurons of any width needs both directions")
    architecture = ProgramArchitecture.from_module(Gated(), torch.zeros(1, 3))
    config = ModelConfig(
        features=6, layers=3, symmetry=symmetry, direction=direction, readout=readout, skip=skip
    )
    spec = GraphSpec.from_architectures([architecture])
    assert spec.products
    model = randomize(ScaleGMN(spec=spec, outputs=3, config=config), generator=generator(0)).double()
    theta = torch.randn(4, architecture.num_parameters, generator=generator(1), dtype=torch.float64)
    found = []
    for fast in (True, False):
        model.backbone.fast = fast
        own = theta.clone().requires_grad_()
        output = model(batch_graphs(architecture, own))
        output.square().sum().backward()
        assert own.grad is not None
        found.append((output.detach(), own.grad))
    for planned, plain in zip(*found, strict=True):
        torch.testing.assert_close(planned, plain, rtol=1e-10, atol=1e-10)


def test_a_model_without_products_says_so() -> None:
    architecture = ProgramArchitecture.from_module(Gated(), torch.zeros(1, 3))
    spec = GraphSpec(inputs=9, outputs=9, layers=9)
    model = ScaleGMN(spec=spec, outputs=1, config=ModelConfig(features=4, layers=1))
    with pytest.raises(GraphError, match=r"multiplies activations.*GraphSpec.from_architectures"):
        model(batch_graphs(architecture, torch.zeros(1, architecture.num_parameters)))
