"""The metanetwork that predicts: exactly invariant, in every combination."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, batch_graphs, to_graph
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    mlp,
    siren,
)
from scalegmn.nn import READOUTS
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.testing.architectures import random_mlp, random_residual_cnn, random_residual_mlp
from scalegmn.testing.assertions import TOLERANCES, assert_invariant, symmetry_error
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import random_parameters, randomize
from tests.models.cases import (
    CONFIGS,
    KINDS_OF_ANY_WIDTH,
    in_dtype,
    mixed_batch,
    model_of,
    network_batch,
    networks_of,
    networks_of_every_activation,
    spec_of,
)

EXACT = settings(derandomize=True, deadline=None, max_examples=20)
KINDS = list(itertools.product(Direction, READOUTS.names()))
ALL_KINDS = [
    (symmetry, *kind)
    for symmetry in Symmetry
    for kind in (KINDS_OF_ANY_WIDTH if symmetry is Symmetry.any_width else KINDS)
]
DIRECTIONS_AND_SIGNS = list(itertools.product(Direction, [True, False]))
TABLES = ("dense", "skip", "kernel1", "kernel3", "kernel5", "kernel7")
PERMUTATIONS = Elements(rescale=False, shift_phase=False)
RELU = Activation("relu")


@pytest.mark.slow
@EXACT
@given(seed=st.integers(0, 30), config=CONFIGS)
def test_invariant_in_every_combination(seed: int, config: ModelConfig) -> None:
    """Random architectures, groups, zeros, dead neurons and weights, with random options."""
    networks = networks_of(seed)
    assert_invariant(model_of(networks, config, seed=seed), networks, generator=generator(seed, "draw"))


@pytest.mark.parametrize(("direction", "readout"), KINDS)
@pytest.mark.parametrize("symmetrize", [True, False])
def test_invariant_for_every_activation(direction: Direction, readout: str, symmetrize: bool) -> None:
    networks = networks_of_every_activation()
    config = ModelConfig(
        features=8, layers=2, direction=direction, readout=readout, sign_symmetrization=symmetrize
    )
    assert_invariant(model_of(networks, config), networks, generator=generator(1))


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_invariant_in_single_precision(direction: Direction, readout: str) -> None:
    networks = in_dtype((*networks_of(1), *networks_of_every_activation()), torch.float32)
    config = ModelConfig(features=8, layers=3, direction=direction, readout=readout)
    model = model_of(networks, config, dtype=torch.float32)
    assert_invariant(model, networks, generator=generator(2))


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_invariant_without_biases(direction: Direction, readout: str) -> None:
    """All biases zero, or none at all: hidden neurons start from nothing but their weights."""
    kinds = ("relu", "relu_squared", "tanh", "sine", "identity")
    networks = []
    for kind in kinds:
        zeroed = mlp(widths=(2, 4, 4, 2), activations=[Activation(kind), RELU])
        networks.append((zeroed, random_parameters(zeroed, 3, generator=generator(0), zero_biases=1.0)))
        bare = random_mlp(generator=generator(1, kind), kinds=[kind], hidden_layers=2, biases=False)
        networks.append((bare, random_parameters(bare, 3, generator=generator(2))))
    config = ModelConfig(features=8, layers=4, direction=direction, readout=readout)
    assert_invariant(model_of(networks, config), networks, generator=generator(1))


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "symmetrize"), DIRECTIONS_AND_SIGNS)
def test_invariant_for_tied_neurons(direction: Direction, symmetrize: bool) -> None:
    g = generator(3)
    drawn = [
        random_residual_mlp(generator=g),
        random_residual_mlp(generator=g),
        random_residual_cnn(generator=g),
    ]
    networks = [(architecture, random_parameters(architecture, 3, generator=g)) for architecture in drawn]
    config = ModelConfig(features=8, layers=3, direction=direction, sign_symmetrization=symmetrize, skip=True)
    assert_invariant(model_of(networks, config), networks, generator=g, draws=2)


@pytest.mark.parametrize("direction", Direction)
def test_max_pooling_breaks_signs(direction: Direction) -> None:
    """The signs of a tanh before max pooling are none of the network's symmetries, and change the
    prediction.
    """

    def network(pool: str) -> Architecture:
        tanh = Activate(Activation("tanh"))
        layers = (Conv("conv", 1, 3, (3, 3)), tanh, Pool(pool), Flatten((1, 1)), Dense("last", 3, 2))
        return LayeredArchitecture(layers)

    networks = [
        (network(p), random_parameters(network(p), 3, generator=generator(1))) for p in ("max", "average")
    ]
    model = model_of(networks, ModelConfig(features=8, layers=2, direction=direction))
    assert_invariant(model, networks, generator=generator(1), draws=3)
    theta = networks[0][1]
    averaging = SymmetryAction(networks[1][0])
    flipped = averaging.apply(theta, averaging.draw(generator=generator(4)))
    with torch.no_grad():
        answers = [model(batch_graphs(networks[0][0], t)) for t in (theta, flipped)]
    # A symmetry would leave nothing but rounding.
    assert (answers[0] - answers[1]).abs().max() > 1e4 * TOLERANCES[torch.float64]


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_mixed_batch_equals_one_by_one(direction: Direction, readout: str) -> None:
    networks = (*networks_of(5, architectures=6), *networks_of_every_activation())
    model = model_of(networks, ModelConfig(features=8, layers=2, direction=direction, readout=readout))
    batch = mixed_batch(networks)
    with torch.no_grad():
        together = model(batch)
        alone = torch.cat([model(graph) for graph in batch.to_data_list()])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12 * alone.abs().max().item())


@pytest.mark.parametrize(("symmetry", "direction", "readout"), ALL_KINDS)
def test_networks_without_hidden_neurons(symmetry: Symmetry, direction: Direction, readout: str) -> None:
    linear = mlp(widths=(3, 2), activations=[])
    networks = [(linear, random_parameters(linear, 3, generator=generator(0))), *networks_of(1)]
    config = ModelConfig(features=8, layers=2, direction=direction, readout=readout, symmetry=symmetry)
    model = model_of(networks, config)
    with torch.no_grad():
        alone = model(batch_graphs(*networks[0]))
        assert torch.isfinite(alone).all() and alone.std(dim=0).min() > 0
        torch.testing.assert_close(model(mixed_batch(networks))[:: len(networks)], alone)


@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_permutation_only_model_fails_the_scale_test(direction: Direction, readout: str) -> None:
    """This checks the test."""
    config = ModelConfig(
        features=8, layers=2, direction=direction, readout=readout, symmetry=Symmetry.permutation
    )
    model = model_of((*networks_of(2), *networks_of_every_activation()), config)
    assert_invariant(model, networks_of(2), generator=generator(1), elements=PERMUTATIONS)
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(model, networks_of(2), generator=generator(1))
    for architecture, theta in networks_of_every_activation():
        if architecture.stages[0].activate.activation.kind in ("relu", "tanh", "sine", "identity"):
            error = symmetry_error(model, [(architecture, theta)], generator=generator(1))
            assert error > 1e-3, architecture.describe()


@pytest.mark.parametrize(
    ("fast", "function"),
    [
        (True, "_start.dual_start"),
        (False, "_start.dual_start"),
        (True, "fast._execute.fast_carry"),
        (False, "_scale_layer.carry"),
    ],
)
def test_primal_features_sent_backwards_are_caught(
    monkeypatch: pytest.MonkeyPatch, fast: bool, function: str
) -> None:
    """As in the published bidirectional model, which is not exact for positive scales."""
    monkeypatch.setattr(f"scalegmn.nn.{function}", lambda x, *rest: x)
    architecture = mlp(widths=(2, 5, 4, 2), activations=[RELU, RELU])
    networks = [(architecture, random_parameters(architecture, 4, generator=generator(0)))]
    model = model_of(networks, ModelConfig(features=8, layers=3, direction=Direction.bidirectional))
    model.backbone.fast = fast
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(model, networks, generator=generator(1))
    signs = mlp(widths=(2, 5, 4, 2), activations=[Activation("tanh")] * 2)
    assert_invariant(model, [(signs, networks[0][1])], generator=generator(1))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("function", ["emit", "receive"])
def test_degree_matters(monkeypatch: pytest.MonkeyPatch, fast: bool, function: str) -> None:
    """Without its own treatment a squared ReLU is not respected."""
    architecture = mlp(widths=(2, 5, 4, 2), activations=[Activation("relu_squared")] * 2)
    networks = [(architecture, random_parameters(architecture, 4, generator=generator(0)))]
    config = ModelConfig(features=8, layers=3, direction=Direction.bidirectional)
    model = model_of(networks, config)
    model.backbone.fast = fast
    assert_invariant(model, networks, generator=generator(1))
    monkeypatch.setattr(f"scalegmn.nn._scale_layer.{function}", lambda x, *rest: x)
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(model, networks, generator=generator(1))


@pytest.mark.parametrize(("symmetry", "direction", "readout"), ALL_KINDS)
def test_plain_layers_are_invariant(symmetry: Symmetry, direction: Direction, readout: str) -> None:
    """Models whose layers call their own forwards, which are the equations."""
    config = ModelConfig(features=8, layers=2, direction=direction, readout=readout, symmetry=symmetry)
    model = model_of((*networks_of(2), *networks_of_every_activation()), config)
    model.backbone.fast = False
    assert_invariant(model, networks_of(2), generator=generator(1), elements=PERMUTATIONS)
    if symmetry is not Symmetry.permutation:
        assert_invariant(model, networks_of(2), generator=generator(1))
        assert_invariant(model, networks_of_every_activation(), generator=generator(1))
    else:
        with pytest.raises(AssertionError, match="invariance"):
            assert_invariant(model, networks_of(2), generator=generator(1))


@pytest.mark.parametrize("direction", Direction)
def test_all_zero_networks_have_finite_answers_and_gradients(direction: Direction) -> None:
    architecture = mlp(widths=(2, 4, 3, 2), activations=[RELU, Activation("tanh")])
    theta = random_parameters(
        architecture, 4, generator=generator(0), dead=0.5, zeros=0.5, dtype=torch.float32
    )
    theta[0] = 0
    theta.requires_grad_()
    model = ScaleGMN(
        spec=GraphSpec.from_architectures([architecture]),
        outputs=2,
        config=ModelConfig(features=8, direction=direction),
    )
    model(batch_graphs(architecture, theta)).square().sum().backward()
    assert theta.grad is not None and torch.isfinite(theta.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("size", [1e-4, 1e-12, 1e-30])
def test_tiny_biases_have_finite_answers_and_gradients(size: float, layer_norm: bool) -> None:
    """A dual start that divides by the bias makes features of size 1 / bias, and NaN of them."""
    architecture = mlp(widths=(2, 6, 5, 2), activations=[Activation("tanh"), RELU])
    theta = random_parameters(architecture, 4, generator=generator(0), dtype=torch.float32)
    for parameter in architecture.parameters:
        if parameter.name.endswith("bias"):
            theta[:, parameter.start : parameter.stop] *= size
    config = ModelConfig(features=8, direction=Direction.bidirectional, mlp_layer_norm=layer_norm)
    model = randomize(
        ScaleGMN(spec=GraphSpec.from_architectures([architecture]), outputs=2, config=config),
        generator=generator(1),
    )
    answers = model(batch_graphs(architecture, theta))
    answers.square().sum().backward()
    assert torch.isfinite(answers).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.slow
@pytest.mark.parametrize(("symmetry", "direction", "readout"), ALL_KINDS)
def test_every_used_weight_gets_a_gradient(symmetry: Symmetry, direction: Direction, readout: str) -> None:
    # Not the default frequency, from which the encoding counts.
    architecture = siren(widths=(2, 5, 4, 2), frequency=12.0)
    config = ModelConfig(
        features=8,
        layers=4,
        direction=direction,
        symmetry=symmetry,
        readout=readout,
        positional_in_messages=True,
        positional_in_updates=True,
    )
    model = model_of([(architecture, torch.empty(0))], config)
    graph = batch_graphs(architecture, random_parameters(architecture, 4, generator=generator(0)))
    model(graph).square().sum().backward()
    # A prediction that is read at the ends does not see all that the last layers say elsewhere.
    full = readout == "full_graph"
    late = ("backbone.layers.3.",) if full else tuple(f"backbone.layers.{number}." for number in (1, 2, 3))
    # What is for other kernels and for skip connections, and what is not computed because nobody sees it.
    unused = {name for name, p in model.named_parameters() if p.grad is None}
    assert all(".vectors." in name or name.startswith(late) for name in unused), unused
    idle = {name for name, p in model.named_parameters() if p.grad is not None and not p.grad.any()}
    assert all(name.startswith(late) for name in idle), idle


def test_answers_depend_on_all_parameters() -> None:
    architecture = mlp(widths=(2, 4, 3, 2), activations=[Activation("tanh"), RELU])
    theta = random_parameters(architecture, 2, generator=generator(0)).requires_grad_()
    for direction, readout in KINDS:
        config = ModelConfig(features=8, layers=3, direction=direction, readout=readout)
        model = model_of([(architecture, theta)], config)
        gradient = torch.autograd.grad(model(batch_graphs(architecture, theta)).square().sum(), theta)[0]
        assert (gradient != 0).all(), (direction, readout)


@pytest.mark.parametrize(("kind", "one", "other"), [("sine", 30.0, 12.0), ("leaky_relu", 0.01, 0.2)])
@pytest.mark.parametrize("symmetry", Symmetry)
def test_answers_depend_on_the_number_of_the_activation(
    symmetry: Symmetry, kind: str, one: float, other: float
) -> None:
    """Equal weights under another frequency or slope are another network."""
    first, second = (mlp(widths=(2, 4, 1), activations=[Activation(kind, value)]) for value in (one, other))
    theta = random_parameters(first, 3, generator=generator(0))
    model = model_of([(first, theta)], ModelConfig(features=8, layers=2, symmetry=symmetry))
    difference = model(batch_graphs(first, theta)) - model(batch_graphs(second, theta))
    assert (difference.abs() > 1e-6).all()


def test_answers_depend_on_learned_slopes() -> None:
    layers = (Dense("0", 2, 4), Activate(Activation("prelu"), name="1", count=4), Dense("2", 4, 1))
    architecture = LayeredArchitecture(layers)
    theta = random_parameters(architecture, 2, generator=generator(0)).requires_grad_()
    model = model_of([(architecture, theta)], ModelConfig(features=8, layers=2))
    gradient = torch.autograd.grad(model(batch_graphs(architecture, theta)).square().sum(), theta)[0]
    assert (gradient != 0).all()


def test_scale_fitted_to_networks_keeps_the_law() -> None:
    networks = [(a, theta * 50) for a, theta in networks_of(4)]
    model = model_of(networks, ModelConfig(features=8, layers=2, direction=Direction.bidirectional))
    model.fit_scale(network_batch(networks))
    assert (model.backbone.scale.weight != 1).any()
    assert_invariant(model, networks, generator=generator(1))


def test_dropout_only_while_training() -> None:
    networks = networks_of(1)
    config = ModelConfig(features=8, layers=2, dropout=0.5, dropout_in_mlps=True)
    model = model_of(networks, config)
    graph = batch_graphs(*networks[0])
    assert torch.equal(model(graph), model(graph))
    model.train()
    assert not torch.equal(model(graph), model(graph))


def test_single_graph_and_batch_of_one() -> None:
    architecture, theta = networks_of(1)[0]
    model = model_of(networks_of(1), ModelConfig(features=8, layers=2))
    graph = to_graph(architecture, theta[0])
    assert model(graph).shape == (1, 3)
    torch.testing.assert_close(model(graph), model(Batch.from_data_list([graph])))
    assert model.embed(graph).shape == (1, model.readout.width)


def test_networks_that_are_too_large_are_refused() -> None:
    model = model_of([(siren(widths=(2, 4, 1)), torch.empty(0))], ModelConfig(features=8, layers=1))
    wide = siren(widths=(3, 4, 1))
    with pytest.raises(GraphError, match=r"3 inputs.*at most 2"):
        model(batch_graphs(wide, random_parameters(wide, 2, generator=generator(0))))
    deep = siren(widths=(2, 4, 4, 4, 4, 1))
    with pytest.raises(GraphError, match=r"4 hidden layers.*at most 1"):
        model(batch_graphs(deep, random_parameters(deep, 2, generator=generator(0))))


def test_names_of_the_weights_are_stable() -> None:
    """Saved models must stay readable: changing this list breaks them."""
    networks = networks_of(1)
    config = ModelConfig(features=4, layers=2, direction=Direction.bidirectional, readout="full_graph")
    model = ScaleGMN(spec=spec_of(networks), outputs=1, config=config)
    names = set(model.state_dict())
    assert {name for name in names if not name.startswith(("backbone.layers.", "readout.", "head."))} == {
        "backbone.dual_encoding",
        "backbone.of_bias.weight",
        *(f"backbone.of_taps.vectors.of_position.{n}.{part}" for n in (0, 2) for part in ("weight", "bias")),
        *(f"backbone.of_taps.vectors.tables.{name}" for name in TABLES),
        *(
            f"backbone.positional.of_{name}"
            for name in ("activation", "edge_layer", "input", "layer", "output", "value")
        ),
        "backbone.project_edges.weight",
        "backbone.scale.bias",
        "backbone.scale.weight",
    }
    assert {name.split(".")[3] for name in names if name.startswith("backbone.layers.0.")} == {
        "backward_messages",
        "dual_update",
        "edge_maps",
        "edge_update",
        "forward_messages",
        "primal_update",
    }
    assert {name.split(".")[1] for name in names if name.startswith("readout.")} == {"of_hidden", "of_dual"}
    assert {name.split(".")[1] for name in names if name.startswith("head.")} == {"first", "activate", "last"}
