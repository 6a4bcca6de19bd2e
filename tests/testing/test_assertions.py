"""The tools that ship for testing metanetworks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.graph import NetworkGraph
from scalegmn.networks import (
    Activate,
    Activation,
    Architecture,
    Conv,
    Dense,
    Flatten,
    LayeredArchitecture,
    Pool,
    Role,
    mlp,
    run,
    topology_of,
)
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.testing import (
    ELEMENTWISE,
    Elements,
    assert_equivariant,
    assert_invariant,
    input_shape,
    random_architecture,
    random_cnn,
    random_inputs,
    random_mlp,
    random_networks,
    random_parameters,
    random_siren,
    randomize,
    symmetry_error,
)

TANH = mlp(widths=(2, 4, 3, 2), activations=[Activation("tanh")] * 2)
RELU = mlp(widths=(2, 4, 3, 2), activations=[Activation("relu")] * 2)
PERMUTATIONS = Elements(rescale=False, shift_phase=False)


def networks_of(architecture: Architecture, *, count: int = 4) -> list[tuple[Architecture, Tensor]]:
    return [(architecture, random_parameters(architecture, count, generator=generator(0)))]


def per_network(graph: NetworkGraph, values: Tensor) -> Tensor:
    return values.new_zeros(graph.num_graphs).index_add(0, graph.batch, values).unsqueeze(1)


def absolute_biases(graph: NetworkGraph) -> Tensor:
    """Invariant under signs and permutations, not under scales."""
    return per_network(graph, graph.node_bias.abs())


def its_own_parameters(graph: NetworkGraph) -> tuple[Tensor, Tensor]:
    """The simplest equivariant editor."""
    return graph.tap_weight, graph.node_bias


def test_networks_are_reproducible() -> None:
    first, second = (random_networks(generator=generator(3), architectures=6) for _ in range(2))
    other = random_networks(generator=generator(4), architectures=6)
    assert [a for a, _ in first] == [a for a, _ in second] != [a for a, _ in other]
    assert all(torch.equal(x, y) for (_, x), (_, y) in zip(first, second, strict=True))


def test_architectures_hold_all_that_the_library_reads() -> None:
    drawn = [random_architecture(generator=generator(seed)) for seed in range(300)]
    layers = [layer for architecture in drawn for layer in architecture.layers]
    assert {type(layer).__name__ for layer in layers} >= {
        "Dense", "Conv", "Activate", "Pool", "Flatten", "Dropout", "Shift",
    }  # fmt: skip
    assert {layer.activation.kind for layer in layers if isinstance(layer, Activate)} == set(ELEMENTWISE)
    convs = [layer for layer in layers if isinstance(layer, Conv)]
    assert {conv.groups for conv in convs} == {1, 2}
    assert len({conv.kernel for conv in convs}) > 6
    assert {layer.kind for layer in layers if isinstance(layer, Pool)} == {"max", "average"}
    assert any(layer.size not in (None, (1, 1)) for layer in layers if isinstance(layer, Flatten))
    assert any(len(architecture.skips) > 1 for architecture in drawn)
    assert {layer.count > 1 for layer in layers if isinstance(layer, Activate) if layer.name} == {True, False}
    assert {layer.bias for layer in layers if isinstance(layer, Dense)} == {True, False}


@pytest.mark.parametrize("seed", range(25))
def test_random_networks_run(seed: int) -> None:
    g = generator(seed)
    architecture = random_architecture(generator=g)
    theta = random_parameters(architecture, 2, generator=g)
    outputs = run(architecture, theta, random_inputs(architecture, 3, generator=g))
    assert outputs.shape == (2, 3, architecture.num_outputs)
    assert torch.isfinite(outputs).all()


def test_options_of_architectures() -> None:
    g = generator(0)
    for _ in range(10):
        plain = random_mlp(generator=g, kinds=["relu"], hidden_layers=2, biases=False)
        assert len(plain.stages) == 3
        assert not any(stage.weighted.bias for stage in plain.stages)
        assert plain.stages[0].activate.activation.kind == "relu"
        assert not any(isinstance(layer, Pool) for layer in random_cnn(generator=g, pooling=()).layers)
        grouped = random_cnn(generator=g, grouped=True, flattened=False).stages[1].weighted
        assert isinstance(grouped, Conv) and grouped.groups == 2
        assert random_siren(generator=g, frequency=7.0).stages[0].activate.activation.value == 7.0
        assert "sine" not in {
            s.activate.activation.kind
            for s in random_architecture(generator=g, kinds=["relu", "tanh"]).stages
        }


def test_zeros_and_dead_neurons() -> None:
    top = topology_of(RELU)
    weights = top.tap_parameter
    biases = top.bias_parameter[top.bias_parameter >= 0]
    theta = random_parameters(RELU, 50, generator=generator(0), zeros=0.3)
    assert 0.2 < (theta[:, weights] == 0).double().mean() < 0.4
    assert (theta[:, biases] != 0).all()
    assert (random_parameters(RELU, 5, generator=generator(0), zero_biases=1.0)[:, biases] == 0).all()
    dead = random_parameters(RELU, 5, generator=generator(0), dead=1.0)
    hidden = top.node_role[top.target[top.tap_edge]] == int(Role.hidden)
    assert (dead[:, weights[hidden]] == 0).all()
    assert (dead[:, weights[~hidden]] != 0).all()


def test_values_do_not_depend_on_the_dtype() -> None:
    double = random_parameters(RELU, 3, generator=generator(0))
    assert torch.equal(
        double.float(), random_parameters(RELU, 3, generator=generator(0), dtype=torch.float32)
    )
    first = randomize(nn.Linear(3, 2), generator=generator(0))
    second = randomize(nn.Linear(3, 2).double(), generator=generator(0))
    assert torch.equal(first.weight, second.weight.float())


def test_input_shape() -> None:
    conv = Conv("conv", 2, 3, (3, 3))
    assert input_shape(RELU) == (2,)
    assert input_shape(LayeredArchitecture((Flatten(), Dense("dense", 6, 2)))) == (1, 1, 6)
    assert input_shape(LayeredArchitecture((conv, Flatten((4, 4)), Dense("dense", 48, 2)))) == (2, 6, 6)
    assert input_shape(
        LayeredArchitecture((conv, Pool("average"), Flatten((1, 1)), Dense("dense", 3, 2)))
    ) == (
        2,
        9,
        9,
    )
    impossible = LayeredArchitecture((conv, Flatten((4, 5)), Dense("dense", 60, 2)))
    with pytest.raises(ArchitectureError, match="pass inputs of the right size"):
        input_shape(impossible)


def test_randomize_in_place() -> None:
    linear, norm = nn.Linear(50, 60), nn.LayerNorm(60)
    module = nn.Sequential(linear, norm)
    before = linear.weight.detach().clone()
    assert randomize(module, generator=generator(0)) is module
    assert not torch.equal(before, linear.weight)
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.2)
    assert norm.bias.mean().item() == pytest.approx(0, abs=0.2)


def test_invariance_that_holds() -> None:
    assert_invariant(absolute_biases, networks_of(TANH), generator=generator(1), draws=3)
    assert symmetry_error(absolute_biases, networks_of(TANH), generator=generator(1)) < 1e-14


def test_invariance_that_does_not_hold() -> None:
    assert_invariant(absolute_biases, networks_of(RELU), generator=generator(1), elements=PERMUTATIONS)
    with pytest.raises(
        AssertionError, match=r"invariance.*error \d.*tolerance 1e-10.*2-4-3-2 \(relu, relu\)"
    ):
        assert_invariant(absolute_biases, networks_of(RELU), generator=generator(1))
    with pytest.raises(AssertionError, match="invariance"):
        assert_invariant(
            lambda graph: graph.node_bias.reshape(graph.num_graphs, -1),
            networks_of(RELU),
            generator=generator(1),
            elements=PERMUTATIONS,
        )


def test_a_large_constant_does_not_hide_an_error() -> None:
    plain = symmetry_error(absolute_biases, networks_of(RELU), generator=generator(1))
    shifted = symmetry_error(
        lambda graph: 1e6 + absolute_biases(graph), networks_of(RELU), generator=generator(1)
    )
    assert plain > 0.1
    assert shifted == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("architecture", [TANH, RELU])
def test_equivariance(architecture: Architecture) -> None:
    networks = networks_of(architecture)
    assert_equivariant(its_own_parameters, networks, generator=generator(1), draws=3)
    for wrong in (
        lambda graph: (graph.tap_weight**2, graph.node_bias),
        lambda graph: (graph.tap_weight, graph.node_bias + 0.01),
        lambda graph: (graph.tap_weight.flip(0), graph.node_bias),
    ):
        with pytest.raises(AssertionError, match="equivariance"):
            assert_equivariant(wrong, networks, generator=generator(1))


def test_errors_in_small_weights_count() -> None:
    """A neuron that was divided by 1000 is not lost beside one that was multiplied."""

    def slightly_wrong(graph: NetworkGraph) -> tuple[Tensor, Tensor]:
        return graph.tap_weight + 1e-6 * (graph.tap_weight.abs() < 1e-2), graph.node_bias

    assert symmetry_error(slightly_wrong, networks_of(RELU), generator=generator(1)) > 1e-6


def test_the_kind_of_answer_must_fit() -> None:
    with pytest.raises(AssertionError, match="asked for was equivariance"):
        assert_equivariant(absolute_biases, networks_of(TANH), generator=generator(1))
    with pytest.raises(AssertionError, match="asked for was invariance"):
        assert_invariant(its_own_parameters, networks_of(TANH), generator=generator(1))


def test_what_shows_nothing_is_refused() -> None:
    def constant(graph: NetworkGraph) -> Tensor:
        return torch.ones(graph.num_graphs, 2)

    with pytest.raises(SymmetryError, match="the same for different networks"):
        assert_invariant(constant, networks_of(TANH), generator=generator(1))
    with pytest.raises(SymmetryError, match="NaN or infinite"):
        assert_invariant(lambda graph: constant(graph) * torch.nan, networks_of(TANH), generator=generator(1))
    with pytest.raises(SymmetryError, match="expected at least 2"):
        assert_invariant(absolute_biases, networks_of(TANH, count=1), generator=generator(1))
    with pytest.raises(SymmetryError, match="at least one"):
        assert_invariant(absolute_biases, [], generator=generator(1))
    with pytest.raises(SymmetryError, match="draws is 0"):
        assert_invariant(absolute_biases, networks_of(TANH), generator=generator(1), draws=0)


@pytest.mark.parametrize(
    ("architecture", "elements"),
    [
        (mlp(widths=(2, 3), activations=[]), Elements()),
        (mlp(widths=(2, 1, 3), activations=[Activation("gelu")]), Elements()),
        (mlp(widths=(2, 5, 3), activations=[Activation("gelu")]), Elements(permute=False)),
        (RELU, Elements(permute=False, rescale=False)),
    ],
)
def test_trivial_groups_are_refused(architecture: Architecture, elements: Elements) -> None:
    with pytest.raises(SymmetryError, match=r"the group is trivial for .* nothing would be tested"):
        assert_invariant(
            absolute_biases, networks_of(architecture), generator=generator(1), elements=elements
        )


def test_two_neurons_are_always_exchanged() -> None:
    networks = networks_of(mlp(widths=(2, 2, 1), activations=[Activation("gelu")]), count=20)
    report = assert_invariant(absolute_biases, networks, generator=generator(1))
    assert (report.elements, report.group) == (20, "permutations of 2 hidden neurons")


def test_what_a_report_says() -> None:
    report = assert_invariant(absolute_biases, networks_of(TANH), generator=generator(1), draws=5)
    assert (report.elements, report.remark) == (20, "")
    assert str(report).startswith("invariance: f(g theta) = f(theta) holds: relative error")
    assert "drawn were 20 symmetries: permutations of 7 hidden neurons, signs of 7; the functions" in str(
        report
    )
    assert str(report).isprintable()


def test_models_that_draw_are_told_from_models_without_the_symmetry() -> None:
    random = generator(0)

    def noisy(graph: NetworkGraph) -> Tensor:
        noise = torch.randn(graph.num_graphs, 1, generator=random, dtype=torch.float64)
        return absolute_biases(graph) + noise

    with pytest.raises(AssertionError, match="different outputs for the same networks"):
        assert_invariant(noisy, networks_of(TANH), generator=generator(1))


def test_a_wrong_action_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outgoing weights are not divided."""
    monkeypatch.setattr(
        SymmetryAction, "_edge_factor", lambda self, element: element.scale[self.topology.target]
    )
    with pytest.raises(AssertionError, match="the action itself is wrong"):
        assert_invariant(absolute_biases, networks_of(RELU), generator=generator(1))


def test_modules_are_evaluated_without_dropout() -> None:
    class Dropping(nn.Module):
        def forward(self, graph: NetworkGraph) -> Tensor:
            return nn.functional.dropout(absolute_biases(graph), 0.5, self.training)

    model = Dropping().train()
    assert_invariant(model, networks_of(TANH), generator=generator(1))
    assert model.training


def test_phases_come_with_canonicalization() -> None:
    networks = networks_of(random_siren(generator=generator(5)))
    assert_invariant(absolute_biases, networks, generator=generator(1), draws=3)
    assert_equivariant(its_own_parameters, networks, generator=generator(1), draws=3)
    with pytest.raises(AssertionError):
        # Biases as they are, not canonicalized: the draw must really shift them.
        theta = networks[0][1]
        action = SymmetryAction(networks[0][0])
        moved = action.apply(theta, action.draw(generator=generator(2), rescale=False, shift_phase=True))
        torch.testing.assert_close(moved.abs().sum(1), theta.abs().sum(1))
