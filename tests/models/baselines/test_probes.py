from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.networks import Activation, Architecture, Flatten, LayeredArchitecture, cnn, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import (
    DEEPER,
    FLATTENED,
    RESIDUAL,
    SHALLOW,
    SIREN,
    TANH_ZOO,
    ZOO,
    alone,
    batch_of,
    change,
    transformed,
)
from tests.models.cases import networks_of_every_activation
from tests.programs.networks import normalized_architecture, normalized_networks

IMAGES = ProbesConfig(probes=5, image_size=(15, 15), latent=4, width=2, hidden=(7,), dropout=0.2)
VECTORS = dataclasses.replace(IMAGES, image_size=None)
MIXED = (ZOO, TANH_ZOO, DEEPER, RESIDUAL)
DIGITS = mlp(widths=(12, 5, 3), activations=[Activation("relu")])
DIGITS = LayeredArchitecture((Flatten((3, 4)), *DIGITS.layers))


def model(*architectures: Architecture, config: ProbesConfig = IMAGES) -> Probes:
    """With weights like trained ones, and fitted constants."""
    made = Probes.from_architectures(architectures, outputs=3, config=config)
    made = randomize(made, generator=generator(0)).double().eval()
    made.fit_scale(batch_of(*architectures, count=6, seed=5))
    return made


def test_symmetries_of_mixed_networks_change_nothing() -> None:
    judge, batch = model(*MIXED), batch_of(*MIXED)
    moved = transformed(batch, Elements(spread=100.0))
    assert not torch.allclose(moved.parts[0][1], batch.parts[0][1])
    assert change(judge, batch, moved) < 1e-10


def test_symmetries_of_sines_change_nothing() -> None:
    judge, batch = model(SIREN, config=VECTORS), batch_of(SIREN)
    phases = transformed(batch, Elements(permute=False, rescale=False))
    assert not torch.allclose(phases.parts[0][1], batch.parts[0][1])
    assert change(judge, batch, phases) < 1e-10
    assert change(judge, batch, transformed(batch, Elements())) < 1e-10


def test_other_functions_change_the_answer() -> None:
    judge, batch = model(SIREN, config=VECTORS), batch_of(SIREN)
    theta = batch.parts[0][1].clone()
    theta[:, SIREN.parameter("seq.1.bias").start] += 0.05
    assert change(judge, batch, batch.with_theta([theta])) > 1e-3


def test_networks_do_not_mix() -> None:
    judge, batch = model(*MIXED), batch_of(*MIXED)
    answers = judge.predict(batch)
    assert answers.shape == (16, 3)
    assert torch.allclose(answers, torch.cat([judge.predict(single) for single in alone(batch)]), rtol=1e-9)


def test_gradients_reach_the_codes() -> None:
    judge = model(*MIXED)
    judge.predict(batch_of(*MIXED)).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in judge.parameters())


@pytest.mark.parametrize(
    ("architecture", "size"), [(FLATTENED, (9, 9)), (DIGITS, (3, 4)), (SHALLOW, None), (SIREN, None)]
)
def test_kinds_of_inputs(architecture: Architecture, size: tuple[int, int] | None) -> None:
    judge = model(architecture, config=dataclasses.replace(IMAGES, image_size=size))
    assert judge.predict(batch_of(architecture)).shape == (4, 3)
    assert judge.answers == architecture.num_outputs


def test_fitted_answers_have_mean_zero_and_size_one() -> None:
    judge, batch = model(*MIXED), batch_of(*MIXED, count=70)
    judge.fit_scale(batch)
    rows = judge.standardize(judge._ask(batch).answers).flatten(0, 1)
    assert rows.mean(0).abs().max() < 1e-10
    assert torch.allclose(rows.std(0, correction=0), torch.ones_like(rows[0]))


@pytest.mark.parametrize(
    ("architectures", "config", "match"),
    [
        ((ZOO,), VECTORS, "reads images, but image_size is None; expected the height"),
        ((SIREN,), IMAGES, r"reads vectors, but image_size is \(15, 15\); expected None"),
        ((ZOO,), dataclasses.replace(IMAGES, image_size=(4, 4)), "cannot read inputs of shape .1, 4, 4."),
        ((SIREN, SHALLOW), VECTORS, r"shape \(2,\) and 3 outputs.*shape \(3,\)"),
    ],
)
def test_networks_that_cannot_be_asked_are_refused(
    architectures: tuple[Architecture, ...], config: ProbesConfig, match: str
) -> None:
    with pytest.raises(ConfigurationError, match=match):
        Probes.from_architectures(architectures, outputs=1, config=config)


def test_other_networks_are_refused() -> None:
    with pytest.raises(GraphError, match=r"reads inputs of shape \(3,\) and has 2 outputs"):
        model(SIREN, config=VECTORS).predict(batch_of(SHALLOW))
    with pytest.raises(GraphError, match="cannot read inputs"):
        model(ZOO).predict(batch_of(FLATTENED))


@pytest.mark.parametrize(("architecture", "config"), [(ZOO, IMAGES), (SIREN, VECTORS)])
def test_saved_and_loaded_is_the_same(
    tmp_path: Path, architecture: Architecture, config: ProbesConfig
) -> None:
    judge, batch = model(architecture, config=config), batch_of(architecture)
    judge.save_pretrained(tmp_path)
    loaded = Probes.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch), judge.predict(batch))
    assert loaded.config == config


def programs(**sizes: int) -> tuple[Architecture, Tensor]:
    return normalized_architecture(**sizes), normalized_networks(**sizes)


def test_mixed_programs_are_shown_images_of_their_size(tmp_path: Path) -> None:
    batch = NetworkBatch((programs(), programs(channels=2, blocks=2)), torch.arange(8))
    config = dataclasses.replace(IMAGES, image_size=None)
    judge = Probes.from_architectures(batch.architectures, outputs=2, config=config)
    judge = randomize(judge, generator=generator(0)).eval()
    judge.fit_scale(batch)
    assert (judge.features, judge.answers, judge.config.image_size) == (1, 3, (6, 6))
    answers = judge.predict(batch)
    assert answers.shape == (8, 2)
    torch.testing.assert_close(answers, torch.cat([judge.predict(one) for one in alone(batch)]))
    answers.square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in judge.parameters())
    judge.save_pretrained(tmp_path)
    assert torch.equal(Probes.from_pretrained(tmp_path).predict(batch), answers)
    # Lists of layers that read the same images are read beside them.
    listed = cnn(channels=(1, 3), classes=3, activations=[Activation("relu")])
    both = Probes.from_architectures([programs()[0], listed], outputs=2, config=judge.config)
    assert both.predict(batch_of(listed, dtype=torch.float32)).shape == (4, 2)


def test_the_function_of_a_program_is_what_counts() -> None:
    architecture, theta = programs()
    judge = Probes.from_architectures([architecture], outputs=2, config=VECTORS)
    judge = randomize(judge, generator=generator(0)).double().eval()
    batch = NetworkBatch.from_parameters(architecture, theta.double())
    judge.fit_scale(batch)
    moved = batch.theta.clone()
    for name, factor in (("1.weight", 3.0), ("1.bias", 3.0), ("3.norm.weight", 3.0), ("3.norm.bias", 3.0)):
        place = architecture.parameter(name)
        moved[:, place.start : place.stop] *= factor
    # What the residual stream gains, its readers lose.
    for name in ("3.conv.weight", "6.weight"):
        place = architecture.parameter(name)
        moved[:, place.start : place.stop] /= 3.0
    assert change(judge, batch, batch.with_theta([moved])) < 1e-10
    moved[:, architecture.parameter("6.bias").start] += 0.05
    assert change(judge, batch, batch.with_theta([moved])) > 1e-4


class Series(nn.Module):
    """Reads series of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.linear(x).amax(1)
        return answer


def test_inputs_of_other_shapes(tmp_path: Path) -> None:
    architecture = ProgramArchitecture.from_module(Series(), torch.zeros(1, 4, 3))
    theta = torch.randn(5, architecture.num_parameters, generator=generator(1))
    batch = NetworkBatch.from_parameters(architecture, theta)
    judge = Probes.from_architectures([architecture], outputs=2, config=VECTORS).eval()
    judge.fit_scale(batch)
    assert (judge.features, judge.shape) == (12, (4, 3))
    judge.save_pretrained(tmp_path)
    assert torch.equal(Probes.from_pretrained(tmp_path).predict(batch), judge.predict(batch))
    with pytest.raises(ConfigurationError, match=r"examples of shape \(4, 3\), but image_size is \(15, 15\)"):
        Probes.from_architectures([architecture], outputs=2, config=IMAGES)


def test_words_are_no_probes() -> None:
    module = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(ConfigurationError, match="reads numbers of the kind int64, expected real ones"):
        Probes.from_architectures([architecture], outputs=1, config=VECTORS)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"ProbesConfig: probes is 0.*image_size is .0, 3.*hidden is"
    ):
        ProbesConfig(probes=0, image_size=(0, 3), hidden=())


HIDDEN = dataclasses.replace(IMAGES, directions=6)


def test_symmetries_do_not_change_what_is_read_of_hidden_layers() -> None:
    judge, batch = model(*MIXED, config=HIDDEN), batch_of(*MIXED)
    assert judge.layers == max(len(network.as_layers.stages) for network in MIXED) - 1  # type: ignore[union-attr]
    moved = transformed(batch, Elements(spread=100.0))
    assert change(judge, batch, moved) < 1e-10
    sines = model(SIREN, config=dataclasses.replace(VECTORS, directions=6))
    assert change(sines, batch_of(SIREN), transformed(batch_of(SIREN), Elements())) < 1e-10
    for architecture, theta in networks_of_every_activation():
        judge = model(architecture, config=dataclasses.replace(VECTORS, directions=6))
        batch = NetworkBatch.from_parameters(architecture, theta)
        assert change(judge, batch, transformed(batch, Elements())) < 1e-10


def test_without_norms_scales_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(ZOO)
    moved = transformed(batch, Elements())
    assert change(model(ZOO, config=HIDDEN), batch, moved) < 1e-10
    monkeypatch.setattr("scalegmn.models.baselines._hidden_answers._normalized", lambda answers: answers)
    assert change(model(ZOO, config=HIDDEN), batch, moved) > 1e-3


def test_hidden_layers_tell_what_outputs_do_not() -> None:
    """A neuron that nobody reads is seen; so such probes depend on the width of networks."""
    network = mlp(widths=(2, 4, 1), activations=[Activation("relu")])
    batch = batch_of(network)
    theta = batch.theta.clone()
    last = network.parameter("2.weight")
    theta[:, last.stop - 1] = 0
    batch = batch.with_theta([theta])
    other = theta.clone()
    first = network.parameter("0.weight")
    other[:, first.stop - 2 : first.stop] = theta[:, first.start : first.start + 2] + 1.0
    vectors = dataclasses.replace(VECTORS, directions=6)
    plain, hidden = model(network, config=VECTORS), model(network, config=vectors)
    assert change(plain, batch, batch.with_theta([other])) < 1e-10 < 1e-3
    assert change(hidden, batch, batch.with_theta([other])) > 1e-3
    # What is not trained yet goes by the outputs.
    untrained = Probes.from_architectures([network], outputs=3, config=vectors).double().eval()
    untrained.fit_scale(batch_of(network, count=6, seed=5))
    assert change(untrained, batch, batch.with_theta([other])) < 1e-10
    assert plain.any_width and not hidden.any_width


def test_neurons_without_answers_count_nothing() -> None:
    network = mlp(widths=(2, 3, 1), activations=[Activation("relu")])
    theta = -torch.rand(2, network.num_parameters, dtype=torch.float64)
    theta[:, network.parameter("0.weight").start : network.parameter("0.weight").stop] = 0
    judge = model(network, config=dataclasses.replace(VECTORS, directions=6))
    asked = judge._ask(NetworkBatch.from_parameters(network, theta))
    assert (asked.hidden == 0).all()
    judge.predict(NetworkBatch.from_parameters(network, theta)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in judge.parameters() if p.grad is not None)


def test_hidden_layers_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    vectors = dataclasses.replace(VECTORS, directions=6)
    with pytest.raises(ConfigurationError, match="no network has a hidden layer to read"):
        Probes.from_architectures([mlp(widths=(2, 3), activations=[])], outputs=1, config=vectors)
    with pytest.raises(
        ConfigurationError, match=r"probes.directions: a probe of hidden layers reads networks whose"
    ):
        Probes.from_architectures([programs()[0]], outputs=1, config=vectors)
    relu = Activation("relu")
    shallow = mlp(widths=(2, 3, 1), activations=[relu])
    judge = model(shallow, config=vectors)
    judge.save_pretrained(tmp_path)
    loaded = Probes.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch_of(shallow)), judge.predict(batch_of(shallow)))
    with pytest.raises(GraphError, match="has 2 hidden layers; the probes read at most 1"):
        judge.predict(batch_of(mlp(widths=(2, 3, 3, 1), activations=[relu] * 2)))
