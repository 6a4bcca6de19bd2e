"""Metanetworks that read networks of any width: exactly the same answers for neurons added and split."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, batch_graphs
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.networks import Activation, LayeredArchitecture, mlp, run
from scalegmn.nn import READOUTS
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.testing.architectures import ELEMENTWISE, random_cnn, random_mlp
from scalegmn.testing.assertions import assert_equivariant, assert_invariant
from scalegmn.testing.parameters import random_inputs, random_parameters
from tests.models.cases import CONFIGS, Networks, editor_of, model_of, networks_of
from tests.models.cases import KINDS_OF_ANY_WIDTH as KINDS
from tests.models.rewirings import rewire_rows

ANY_WIDTH = Symmetry.any_width
EXACT = 1e-12
"""In units of the spread of answers over different networks; rounding of the weights makes 1e-15 of it."""


def any_width(config: ModelConfig) -> ModelConfig:
    """The options of `config`, as far as such models have them."""
    forward = config.direction is Direction.forward
    options = {name: getattr(config, name) for name in config.__dataclass_fields__}
    readout = "last_layer" if forward else config.readout
    return ModelConfig(**(options | {"symmetry": ANY_WIDTH, "statistics": False, "readout": readout}))


@lru_cache
def rewired_networks(
    seed: int,
) -> tuple[tuple[LayeredArchitecture, Tensor, LayeredArchitecture, Tensor], ...]:
    """Random networks, some with zeros and dead neurons, and what they become with other widths."""
    g = generator(seed, "rewired")
    drawn = [
        random_mlp(generator=g, hidden_layers=2),
        random_cnn(generator=g, grouped=False, flattened=True),
        random_cnn(generator=g, grouped=False, flattened=False),
    ]
    found = []
    for number, architecture in enumerate(drawn):
        rare = {"zeros": 0.2, "dead": 0.2, "zero_biases": 0.3} if number % 2 == seed % 2 else {}
        theta = random_parameters(architecture, 4, generator=g, **rare)
        theta = canonicalize_sine_phase(architecture, theta)
        found.append((architecture, theta, *rewire_rows(architecture, theta, generator=g)))
    return tuple(found)


def moves(model: ScaleGMN, seed: int = 0) -> float:
    """The largest change of an answer, in units of the spread of answers over networks."""
    found = 0.0
    for architecture, theta, wider, moved in rewired_networks(seed):
        with torch.no_grad():
            before, after = model(batch_graphs(architecture, theta)), model(batch_graphs(wider, moved))
        found = max(found, float((after - before).abs().max() / before.std(dim=0).max()))
    return found


def originals(seed: int = 0) -> Networks:
    return [(architecture, theta) for architecture, theta, _, _ in rewired_networks(seed)]


@pytest.mark.parametrize("seed", range(4))
def test_rewired_networks_compute_the_same(seed: int) -> None:
    """Without this, equal answers would be an error."""
    for architecture, theta, wider, moved in rewired_networks(seed):
        assert wider.num_parameters > architecture.num_parameters
        inputs = random_inputs(architecture, 5, generator=generator(0))
        before, after = run(architecture, theta, inputs), run(wider, moved, inputs)
        assert (after - before).abs().max() < 1e-10 * before.abs().max()


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=5)
@given(seed=st.integers(0, 3), config=CONFIGS)
def test_answers_stay_in_every_combination(seed: int, config: ModelConfig) -> None:
    assert moves(model_of(originals(seed), any_width(config), seed=seed), seed) < EXACT


@pytest.mark.parametrize(("direction", "readout"), KINDS)
@pytest.mark.parametrize("fast", [True, False])
def test_answers_stay(direction: Direction, readout: str, fast: bool) -> None:
    config = ModelConfig(features=8, layers=3, direction=direction, readout=readout, symmetry=ANY_WIDTH)
    model = model_of(originals(), config)
    model.backbone.fast = fast
    assert moves(model) < EXACT


@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_the_model_of_the_group_alone_fails(direction: Direction, readout: str) -> None:
    """This checks the test."""
    config = ModelConfig(features=8, layers=3, direction=direction, readout=readout)
    assert moves(model_of(originals(), config)) > 1e-2


def test_remainders_of_sums_that_cancel_count_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network without biases, whose neurons are told nothing at first, and hear rounding of pairs."""
    model = model_of(originals(), ModelConfig(features=8, layers=3, symmetry=ANY_WIDTH))
    assert moves(model) < EXACT
    monkeypatch.setattr("scalegmn.nn.fast._any_width.without_noise", lambda m, sizes: m)
    assert moves(model) > 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_answers_stay_for_every_activation(kind: str) -> None:
    architecture = mlp(widths=(2, 4, 3, 2), activations=[Activation(kind)] * 2)
    theta = random_parameters(architecture, 4, generator=generator(0, kind))
    theta = canonicalize_sine_phase(architecture, theta)
    wider, moved = rewire_rows(architecture, theta, generator=generator(1, kind))
    options = {"direction": Direction.bidirectional, "readout": "full_graph", "symmetry": ANY_WIDTH}
    model = model_of([(architecture, theta)], ModelConfig(features=8, layers=3, **options))  # type: ignore[arg-type]
    with torch.no_grad():
        before, after = model(batch_graphs(architecture, theta)), model(batch_graphs(wider, moved))
    assert (after - before).abs().max() < EXACT * before.std(dim=0).max()


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=6)
@given(seed=st.integers(0, 30), config=CONFIGS)
def test_the_group_is_kept_too(seed: int, config: ModelConfig) -> None:
    networks, options = networks_of(seed), any_width(config)
    assert_invariant(model_of(networks, options, seed=seed), networks, generator=generator(seed, "draw"))


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=4)
@given(seed=st.integers(0, 30), config=CONFIGS)
def test_edits_keep_the_group(seed: int, config: ModelConfig) -> None:
    networks, options = networks_of(seed), any_width(config)
    assert_equivariant(editor_of(networks, options, seed=seed), networks, generator=generator(seed, "draw"))


@pytest.mark.slow
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("seed", range(2))
def test_edited_networks_compute_the_same(direction: Direction, seed: int) -> None:
    config = ModelConfig(
        features=8, layers=3, direction=direction, symmetry=ANY_WIDTH, skip=True, update_scale=0.1
    )
    editor = editor_of(originals(seed), config)
    usual = editor_of(originals(seed), ModelConfig(features=8, layers=3, direction=direction, skip=True))
    for architecture, theta, wider, moved in rewired_networks(seed):
        inputs = random_inputs(architecture, 5, generator=generator(0))
        unedited = run(architecture, theta, inputs)

        def edited(model, network, rows, inputs=inputs):  # type: ignore[no-untyped-def]
            with torch.no_grad():
                return run(*model.edit(NetworkBatch.from_parameters(network, rows)).single, inputs)

        before, after = edited(editor, architecture, theta), edited(editor, wider, moved)
        assert (after - before).abs().max() < 1e-9 * before.abs().max()
        assert (before - unedited).abs().max() > 1e-3 * unedited.abs().max()
        # This checks the test.
        first, second = edited(usual, architecture, theta), edited(usual, wider, moved)
        assert (second - first).abs().max() > 1e-6 * first.abs().max()


@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_answers_depend_on_all_parameters(direction: Direction, readout: str) -> None:
    architecture = mlp(widths=(2, 4, 3, 2), activations=[Activation("tanh"), Activation("relu")])
    theta = random_parameters(architecture, 2, generator=generator(0)).requires_grad_()
    config = ModelConfig(features=8, layers=3, direction=direction, readout=readout, symmetry=ANY_WIDTH)
    model = model_of([(architecture, theta)], config)
    gradient = torch.autograd.grad(model(batch_graphs(architecture, theta)).square().sum(), theta)[0]
    assert (gradient != 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"readout": "full_graph", "direction": Direction.forward},
        {"statistics": True},
    ],
)
def test_what_hangs_on_the_width_is_refused(options: dict[str, object]) -> None:
    name = next(iter(options))
    with pytest.raises(ConfigurationError, match=rf"{name} is .*any_width"):
        ModelConfig(symmetry=ANY_WIDTH, **options)  # type: ignore[arg-type]


def test_every_readout_of_the_library_is_tested() -> None:
    assert {readout for _, readout in KINDS} == set(READOUTS.names())


def test_dropout_only_while_training() -> None:
    config = ModelConfig(features=8, layers=2, symmetry=ANY_WIDTH, dropout=0.5, dropout_in_mlps=True)
    model = model_of(originals(), config)
    graph = batch_graphs(*originals()[0])
    assert torch.equal(model(graph), model(graph))
    model.train()
    assert not torch.equal(model(graph), model(graph))


@pytest.mark.parametrize(("direction", "readout"), KINDS)
def test_all_zero_networks_have_finite_answers_and_gradients(direction: Direction, readout: str) -> None:
    architecture = mlp(widths=(2, 4, 3, 2), activations=[Activation("relu"), Activation("tanh")])
    theta = random_parameters(architecture, 4, generator=generator(0), dead=0.5, zeros=0.5)
    theta[0] = 0
    theta.requires_grad_()
    config = ModelConfig(features=8, direction=direction, readout=readout, symmetry=ANY_WIDTH)
    model = model_of([(architecture, theta)], config)
    model(batch_graphs(architecture, theta)).square().sum().backward()
    assert theta.grad is not None and torch.isfinite(theta.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
