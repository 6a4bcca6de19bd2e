"""Sine neurons read by the sine and cosine of their phase: exact under every shift, no bias canonical."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import final

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, batch_graphs, update_parameters
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.networks import Activation, Architecture, mlp, run, siren
from scalegmn.nn import READOUTS, PhaseGate
from scalegmn.seeding import generator
from scalegmn.symmetry import Element, SymmetryAction, canonicalize_sine_phase
from scalegmn.testing.parameters import random_inputs, random_parameters
from tests.models.cases import editor_of, model_of, network_batch

EXACT = 1e-12
FREQUENCY = 30.0
SINE, TANH, RELU = (Activation(name) for name in ("sine", "tanh", "relu"))
ARCHITECTURES = (
    siren(widths=(2, 5, 4, 3), frequency=FREQUENCY),
    siren(widths=(2, 4, 1), frequency=3.0),
    mlp(widths=(3, 4, 4, 3, 2), activations=[SINE, RELU, SINE]),
)
SIRENS, ALL = ARCHITECTURES[:1], ARCHITECTURES
DIRECTIONS = pytest.mark.parametrize("direction", Direction)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """Networks of one architecture, and the same computed with other parameters."""

    action: SymmetryAction
    theta: Tensor
    moved: Tensor
    elements: tuple[Element, ...]

    @classmethod
    def of(cls, architecture: Architecture, *, count: int = 6) -> Pair:
        """Half of the weights of every second network are 0, and some of its neurons are dead."""
        random, action = generator(0, architecture.describe()), SymmetryAction(architecture)
        whole = random_parameters(architecture, count // 2, generator=random)
        holes = random_parameters(
            architecture, count // 2, generator=random, zeros=0.5, zero_biases=0.2, dead=0.2
        )
        theta, elements = torch.cat([whole, holes]), []
        for _ in theta:
            drawn = action.draw(generator=random, spread=100.0)
            turns = torch.randint(-5, 6, drawn.phase.shape, generator=random)
            elements.append(dataclasses.replace(drawn, phase=torch.where(action.half_period > 0, turns, 0)))
        moved = [action.apply(row, element) for row, element in zip(theta, elements, strict=True)]
        return cls(action, theta, torch.stack(moved), tuple(elements))

    def move_update(self, update: Tensor) -> Tensor:
        rows = zip(update, self.elements, strict=True)
        return torch.stack([self.action.apply_update(row, element) for row, element in rows])


@lru_cache
def pairs_of(architectures: tuple[Architecture, ...]) -> tuple[Pair, ...]:
    return tuple(Pair.of(architecture) for architecture in architectures)


def networks(architectures: tuple[Architecture, ...], *, moved: bool) -> list[tuple[Architecture, Tensor]]:
    pairs = pairs_of(architectures)
    return [(pair.action.architecture, pair.moved if moved else pair.theta) for pair in pairs]


def change(model: ScaleGMN, architectures: tuple[Architecture, ...]) -> float:
    """How much answers change, by how much they differ between networks."""
    with torch.no_grad():
        before, after = (
            model.predict(network_batch(networks(architectures, moved=moved))) for moved in (False, True)
        )
    return float((after - before).abs().max() / before.std(dim=0).min())


def update_change(editor: ScaleGMNEditor, pair: Pair) -> float:
    """The same of updates, moved as the networks were."""
    architecture = pair.action.architecture

    def updates(theta: Tensor) -> Tensor:
        return update_parameters(architecture, *editor(batch_graphs(architecture, theta))).reshape(
            theta.shape
        )

    with torch.no_grad():
        before, after = updates(pair.theta), updates(pair.moved)
    return float((after - pair.move_update(before)).abs().max() / before.std())


def options(direction: Direction, **others: object) -> ModelConfig:
    config = ModelConfig(features=8, layers=2, direction=direction, continuous_phases=True)
    return dataclasses.replace(config, **others)


def test_networks_moved_compute_the_same() -> None:
    for pair in pairs_of(ALL):
        architecture = pair.action.architecture
        inputs = random_inputs(architecture, 5, generator=generator(1))
        before, after = (run(architecture, theta, inputs) for theta in (pair.theta, pair.moved))
        assert (after - before).abs().max() < 1e-11
        assert (pair.moved - pair.theta).abs().max() > 0.1


@DIRECTIONS
@pytest.mark.parametrize("readout", READOUTS.names())
def test_answers_stay(direction: Direction, readout: str) -> None:
    symmetrize = readout == READOUTS.names()[0]
    config = options(direction, readout=readout, skip=True, sign_symmetrization=symmetrize)
    assert change(model_of(networks(ALL, moved=False), config), ALL) < EXACT


@DIRECTIONS
def test_a_plan_answers_as_the_equations_do(direction: Direction) -> None:
    model = model_of(networks(ALL, moved=False), options(direction))
    batch = network_batch(networks(ALL, moved=True))
    fast = model.predict(batch)
    model.backbone.fast = False
    assert (model.predict(batch) - fast).abs().max() < EXACT * fast.std(dim=0).min()
    assert change(model, ALL) < EXACT


@DIRECTIONS
def test_updates_move_with_the_networks(direction: Direction) -> None:
    editor = editor_of(networks(ALL, moved=False), options(direction))
    for pair in pairs_of(ALL):
        assert update_change(editor, pair) < EXACT


def test_biases_as_they_are_fail() -> None:
    config = options(Direction.forward, continuous_phases=False)
    assert change(model_of(networks(SIRENS, moved=False), config), SIRENS) > 0.1
    assert update_change(editor_of(networks(SIRENS, moved=False), config), pairs_of(SIRENS)[0]) > 0.1


@final
class Concatenated(nn.Module):
    """Sine and cosine side by side in place of the bias, which no law allows."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2, features, bias=False).double()

    def forward(self, bias: Tensor) -> Tensor:
        features: Tensor = self.linear(torch.cat([(FREQUENCY * bias).sin(), (FREQUENCY * bias).cos()], dim=1))
        return features


@DIRECTIONS
def test_sine_and_cosine_side_by_side_fail(direction: Direction) -> None:
    model = model_of(networks(SIRENS, moved=False), options(direction, continuous_phases=False))
    model.backbone.fast, model.backbone.of_bias = False, Concatenated(8)  # type: ignore[assignment]
    assert change(model, SIRENS) > 0.1


@pytest.mark.parametrize("method", ["emit", "receive"])
def test_messages_without_their_gate_fail(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(networks(SIRENS, moved=False), options(Direction.bidirectional))
    assert change(model, SIRENS) < EXACT
    monkeypatch.setattr(PhaseGate, method, lambda gate, sent, *others: sent)
    assert change(model, SIRENS) > 0.01


def test_nothing_jumps_where_ranges_end() -> None:
    """A bias that passes the end of its range by one billionth, and answers for what is canonical of it."""
    pair = pairs_of(SIRENS)[0]
    architecture, step = pair.action.architecture, 1e-9
    biases = pair.action.topology.bias_parameter[torch.nonzero(pair.action.half_period > 0).squeeze(1)]
    below, above = (pair.theta.index_fill(1, biases, torch.pi / (2 * FREQUENCY) + d) for d in (-step, step))

    @torch.no_grad()
    def jump(model: ScaleGMN) -> float:
        answers = [
            model.predict(
                NetworkBatch.from_parameters(architecture, canonicalize_sine_phase(architecture, x))
            )
            for x in (below, above)
        ]
        return float((answers[0] - answers[1]).abs().max() / answers[0].std(dim=0).min())

    config = options(Direction.forward)
    assert jump(model_of(networks(SIRENS, moved=False), config)) < 1e-6
    ranges = dataclasses.replace(config, continuous_phases=False)
    assert jump(model_of(networks(SIRENS, moved=False), ranges)) > 1e-3


def test_the_phase_is_seen() -> None:
    """A quarter of a period is no symmetry."""
    pair = pairs_of(SIRENS)[0]
    places = pair.action.topology.bias_parameter[pair.action.half_period > 0]
    turned = pair.theta.index_add(
        1, places, torch.full((len(pair.theta), len(places)), torch.pi / (2 * FREQUENCY)).double()
    )
    model = model_of(networks(SIRENS, moved=False), options(Direction.forward))
    first, second = (model.predict(network_batch([(SIRENS[0], theta)])) for theta in (pair.theta, turned))
    assert (first - second).abs().max() > 0.1 * first.std(dim=0).min()


def test_networks_without_sines_are_read_as_ever() -> None:
    """The option adds weights, and changes no answer where there is no phase."""
    own = networks((mlp(widths=(2, 4, 3), activations=[TANH]),), moved=False)
    model = model_of(own, options(Direction.forward))
    plain = ScaleGMN(spec=model.spec, outputs=3, config=options(Direction.forward, continuous_phases=False))
    plain = plain.double().eval()
    plain.load_state_dict({name: model.state_dict()[name] for name in plain.state_dict()})
    assert torch.equal(model.predict(network_batch(own)), plain.predict(network_batch(own)))


@pytest.mark.parametrize("symmetry", [Symmetry.permutation, Symmetry.any_width])
def test_other_symmetries_refuse_phases(symmetry: Symmetry) -> None:
    with pytest.raises(
        ConfigurationError, match=f"continuous_phases is True with the symmetry {symmetry.value}"
    ):
        options(Direction.forward, symmetry=symmetry)


def test_statistics_refuse_phases() -> None:
    with pytest.raises(ConfigurationError, match="statistics is True with continuous_phases"):
        options(Direction.forward, statistics=True)
