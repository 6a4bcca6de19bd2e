from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.editing import EditingConfig, ImageTargets, InrEditing, draw
from scalegmn.editing._task import Target
from scalegmn.editing.edits import Blur, Dilation, register_edit
from scalegmn.editing.edits import _registry as registry
from scalegmn.errors import ArchitectureError, ConfigurationError, PopulationError
from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.images import load_images
from scalegmn.models import Direction, Editor, ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.models.baselines import FlatMLPConfig, FlatMLPEditor
from scalegmn.networks import Activation, mlp, siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements, draw_pair
from scalegmn.testing.parameters import randomize
from tests.editing.editing_cases import columns_of, digit_networks, rewritten

ARCHITECTURE = siren(widths=(2, 5, 4, 1), frequency=10.0)
SIZE = (6, 5)
# Relative: means in float32, whose sums every processor makes in another order.
SINGLE = 1e-5


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return digit_networks(tmp_path_factory.mktemp("digits") / "population", copies=2)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.EDITS, "_entries", dict(registry.EDITS._entries))


def task(**options: object) -> InrEditing:
    options = {"target": Target.drawing, "image_size": SIZE} | options
    return InrEditing(config=EditingConfig(**options))  # type: ignore[arg-type]


def batch(count: int = 4, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> NetworkBatch:
    theta = torch.randn(count, ARCHITECTURE.num_parameters, generator=generator(seed), dtype=dtype)
    return NetworkBatch.from_parameters(ARCHITECTURE, 0.2 * theta)


def editor(config: ModelConfig | None = None, *, seed: int = 0) -> ScaleGMNEditor:
    config = config or ModelConfig(features=8, layers=2)
    made = ScaleGMNEditor(spec=GraphSpec.from_architectures([ARCHITECTURE]), config=config)
    return randomize(made, generator=generator(seed, "editor")).double().eval()


def flat_editor() -> FlatMLPEditor:
    made = FlatMLPEditor.from_architecture(ARCHITECTURE, config=FlatMLPConfig(hidden=(16, 16)))
    return randomize(made, generator=generator(0, "flat")).double().eval()


def test_the_mean_of_several_networks_is_drawn_as_by_one() -> None:
    made = editor(ModelConfig(features=8, layers=2, output_networks=4))
    with torch.no_grad():
        found, wide = task().predict(made, batch()), made.edit(batch())
        first = task().draw(made.edit_each(batch())[0])
    assert wide.architectures[0].describe().startswith("2-20-16-1")
    torch.testing.assert_close(found, task().draw(wide), rtol=1e-10, atol=1e-10)
    assert (found - first).abs().max() > 1e-3


# Targets.


def test_targets_are_the_edited_images_of_the_networks(digits: Population) -> None:
    made = InrEditing.from_population(digits, config=EditingConfig())
    assert made.config.image_source == "digits"
    assert made.size == (8, 8)
    rows = np.array([41, 3, 2, 59, 0])
    targets = made.targets(digits, rows)
    assert targets.edited.shape == targets.before.shape == (5, 8, 8)
    images = load_images("digits").unit().numpy()
    # The networks stand in the order of the images, two copies of each.
    expected = Dilation()(images[rows // 2])
    np.testing.assert_allclose(targets.edited, expected, atol=1e-6)
    drawn = draw(digits.architecture, digits.theta(rows), size=(8, 8))
    torch.testing.assert_close(targets.before, drawn, rtol=0, atol=1e-5)
    assert (drawn - torch.from_numpy(images[rows // 2])).square().mean() < 0.02


def test_targets_may_be_edits_of_what_the_networks_draw(digits: Population) -> None:
    config = EditingConfig(edit="blur", parameters={"sigma": 2}, target=Target.drawing, image_size=(9, 7))
    rows = np.arange(6)
    targets = InrEditing.from_population(digits, config=config).targets(digits, rows)
    drawn = draw(digits.architecture, digits.theta(rows), size=(9, 7))
    assert drawn.min() < 0
    np.testing.assert_allclose(targets.edited, Blur(sigma=2.0)(drawn.clamp(0, 1).numpy()), atol=1e-5)
    torch.testing.assert_close(targets.before, drawn, rtol=0, atol=1e-5)


def test_targets_of_many_networks_are_made_in_portions(
    digits: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = InrEditing.from_population(digits, config=EditingConfig())
    rows = np.random.default_rng(0).permutation(len(digits))
    whole = made.targets(digits, rows)
    monkeypatch.setattr("scalegmn.editing._task._PORTION", 7)
    again = made.targets(digits, rows)
    torch.testing.assert_close(again.edited, whole.edited, rtol=0, atol=1e-5)
    torch.testing.assert_close(again.before, whole.before, rtol=0, atol=1e-5)
    nothing = made.targets(digits, rows[:0])
    assert nothing.edited.shape == nothing.before.shape == (0, 8, 8)


def test_colors_and_several_architectures(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        for widths in ((2, 4, 3), (2, 5, 6, 3)):
            architecture = siren(widths=widths)
            theta = 0.1 * torch.randn(3, architecture.num_parameters, generator=generator(0))
            writer.append(architecture, theta, {})
        writer.finish()
    population = Population.open(tmp_path / "p")
    made = task()
    rows = np.array([5, 0, 3, 1])
    targets = made.targets(population, rows)
    assert targets.edited.shape == targets.before.shape == (4, *SIZE, 3)
    for row, before in zip(rows.tolist(), targets.before, strict=True):
        ((architecture, _, theta),) = population.groups([row])
        torch.testing.assert_close(before, draw(architecture, theta, size=SIZE)[0], rtol=0, atol=1e-5)


def test_the_order_of_coordinates_is_checked(digits: Population) -> None:
    with pytest.raises(ConfigurationError, match=r"order is 'ij', but .* with 'xy'"):
        InrEditing.from_population(digits, config=EditingConfig(order="ij")).targets(digits, np.arange(20))


def test_another_source_is_noticed(digits: Population, tmp_path: Path) -> None:
    columns = columns_of(digits, "label", "image", "split")
    wrong = rewritten(digits, tmp_path / "p", columns={**columns, "label": columns["label"][::-1].copy()})
    made = InrEditing.from_population(wrong, config=EditingConfig(image_source="digits"))
    with pytest.raises(PopulationError, match="another label"):
        made.targets(wrong, np.arange(20))


def test_bad_input(digits: Population, tmp_path: Path) -> None:
    rows = np.arange(4)
    unknown = rewritten(digits, tmp_path / "unknown", columns=columns_of(digits, "label"))
    with pytest.raises(ConfigurationError, match="image_size is missing"):
        InrEditing.from_population(unknown, config=EditingConfig())
    with pytest.raises(ConfigurationError, match="image_source is missing"):
        InrEditing.from_population(unknown, config=EditingConfig(image_size=(8, 8)))
    made = InrEditing.from_population(unknown, config=EditingConfig(image_source="digits"))
    with pytest.raises(PopulationError, match="no column 'image'"):
        made.targets(unknown, rows)
    made = InrEditing.from_population(digits, config=EditingConfig(image_size=(10, 8)))
    with pytest.raises(PopulationError, match=r"8 x 8 pixels and 1 channels.* 10 x 8 pixels"):
        made.targets(digits, rows)
    with pytest.raises(ConfigurationError, match="kind of edit is 'dilatation', expected"):
        InrEditing.from_population(digits, config=EditingConfig(edit="dilatation"))
    relu = mlp(widths=(2, 8, 1), activations=[Activation("relu")])
    theta = torch.zeros(4, relu.num_parameters)
    others = rewritten(digits, tmp_path / "relu", columns={}, architecture=relu, theta=theta)
    with pytest.raises(ArchitectureError, match=r"relu: .*no SIRENs: they have relu"):
        task().targets(others, rows)
    register_edit(name="smaller", function=lambda images: images[:, 1:])
    with pytest.raises(ConfigurationError, match=r"'smaller'.*same shape"):
        InrEditing.from_population(digits, config=EditingConfig(edit="smaller")).targets(digits, rows)


def test_networks_of_images_of_another_size(digits: Population, tmp_path: Path) -> None:
    columns = columns_of(digits, "label", "image", "split")
    stated = {"images_shape": [60, 16, 12]}
    for number, provenance in enumerate((stated, {"maker": "edit_population", "source": stated})):
        other = rewritten(digits, tmp_path / str(number), columns=columns, provenance=provenance)
        made = InrEditing.from_population(digits, config=EditingConfig())
        with pytest.raises(PopulationError, match=r"16 x 12 pixels, .* 8 x 8"):
            made.targets(other, np.arange(4))
        # What a network draws can be edited in any size.
        assert task(image_size=(9, 7)).targets(other, np.arange(4)).edited.shape == (4, 9, 7)
    unknown = rewritten(digits, tmp_path / "unknown", columns=columns)
    assert len(InrEditing.from_population(digits, config=EditingConfig()).targets(unknown, np.arange(4))) == 4


def test_wrong_configurations() -> None:
    with pytest.raises(ConfigurationError, match=r"image_size is \(1, 8\)"):
        EditingConfig(image_size=(1, 8))


def test_saved_and_loaded(digits: Population) -> None:
    config = EditingConfig(edit="blur", parameters={"sigma": 2.0}, image_folder=Path("somewhere"))
    made = InrEditing.from_population(digits, config=config)
    again = InrEditing.from_config(made.to_config())
    assert again.config == made.config
    assert again.config == dataclasses.replace(config, image_source="digits", image_size=(8, 8))
    # An edit that is not registered here is needed for targets only.
    unknown = InrEditing.from_config({**made.to_config(), "edit": "sepia"})
    assert unknown.predict(editor(), batch()).shape == (4, 8, 8)
    with pytest.raises(ConfigurationError, match="kind of edit is 'sepia', expected"):
        unknown.targets(digits, np.arange(3))


# Predictions, loss and figures.


def test_answers_are_drawings_of_the_edited_networks() -> None:
    made, networks = editor(), batch()
    answer = task().predict(made, networks)
    architecture, edited = made.edit(networks).single
    torch.testing.assert_close(answer, draw(architecture, edited, size=SIZE))
    assert not torch.allclose(answer, draw(architecture, networks.single[1], size=SIZE), atol=1e-3)
    assert task(order="ij").predict(made, networks).shape == (4, *SIZE)


def test_answers_keep_single_precision_where_the_rest_is_half() -> None:
    networks = batch(dtype=torch.float32)
    expected = task().draw(networks)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(task().draw(networks), expected)


def test_models_that_answer_are_refused() -> None:
    judge = ScaleGMN(
        spec=GraphSpec.from_architectures([ARCHITECTURE]), outputs=3, config=ModelConfig(features=8, layers=1)
    )
    with pytest.raises(ConfigurationError, match="ScaleGMN makes predictions"):
        task().predict(judge, batch(dtype=torch.float32))


def figures(count: int = 20) -> tuple[torch.Tensor, ImageTargets, torch.Tensor, torch.Tensor]:
    """Outputs and targets, and the errors of networks after and before their edit."""
    random = generator(3)
    targets = ImageTargets(*torch.rand(count, 2, *SIZE, generator=random).unbind(1))
    outputs = torch.rand(count, *SIZE, generator=random)
    outputs = 0.7 * targets.edited + 0.3 * outputs
    after = (outputs - targets.edited).square().mean(dim=(1, 2))
    return outputs, targets, after, (targets.before - targets.edited).square().mean(dim=(1, 2))


def test_loss_and_metrics_compare_with_the_edited_image() -> None:
    outputs, targets, after, _ = figures()
    assert task().loss(outputs, targets).item() == pytest.approx(after.mean().item(), rel=SINGLE)
    metrics = task().metrics()
    for start, stop in ((0, 3), (3, 20)):
        task().measure(metrics, outputs[start:stop], targets[start:stop])
    found = metrics.compute()
    assert found["mse"].item() == pytest.approx(after.mean().item(), rel=SINGLE)
    assert found["psnr"].item() == pytest.approx((-10 * after.log10()).mean().item(), rel=SINGLE)
    assert task().monitor in found
    assert not task().larger_is_better


def test_the_report_compares_with_no_edit() -> None:
    outputs, targets, after, before = figures()
    report = task().report(outputs, targets)
    for found, errors in ((report.summary, after), (report.summary["no_edit"], before)):
        assert found["mse"] == pytest.approx(errors.mean().item(), rel=SINGLE)
        assert found["mse_x100"] == pytest.approx(100 * errors.mean().item(), rel=SINGLE)
        assert found["psnr"] == pytest.approx((-10 * errors.log10()).mean().item(), rel=SINGLE)
        low, high = found["mse_x100_interval_95"]
        assert low < found["mse_x100"] < high
        half = 196 * errors.std() / len(errors) ** 0.5
        assert (high - low) / 2 == pytest.approx(half.item(), rel=0.3)
    assert report.summary["closer"] == 1.0
    assert report.summary["networks"] == 20
    assert [row[0] for row in report.tables[0].rows] == ["edited", "no edit"]
    shown = dict.fromkeys(("before", "target", "after"), (8, *SIZE))
    assert {name: array.shape for name, array in report.arrays.items()} == {**shown, "errors": (20, 2)}
    np.testing.assert_allclose(report.arrays["errors"], torch.stack([before, after], dim=1), rtol=1e-5)
    # What a comparison shows of every model, and of no edit.
    for name in task().untrained:
        assert set(task().headline) <= set(report.summary) & set(report.summary[name])
    np.testing.assert_array_equal(report.arrays["before"][[0, -1]], targets.before[[0, -1]])
    np.testing.assert_array_equal(report.arrays["target"][[0, -1]], targets.edited[[0, -1]])
    np.testing.assert_array_equal(report.arrays["after"][[0, -1]], outputs[[0, -1]])


def test_reports_of_few_networks() -> None:
    outputs, targets, _, _ = figures(1)
    report = task().report(outputs, targets)
    assert report.summary["mse_x100_interval_95"] is None
    assert report.arrays["after"].shape == (1, *SIZE)
    with pytest.raises(PopulationError, match="no networks"):
        task().report(outputs[:0], targets[:0])


def test_answers_in_words() -> None:
    described = task().describe(torch.tensor([[[0.0, 1.0], [0.5, 0.5]]]))
    assert described == [{"mean": 0.5, "smallest": 0.0, "largest": 1.0}]


# The symmetries of the networks.


def equivariance_errors(made: Editor, *, seed: int) -> tuple[float, float]:
    """Of the updates (in units of their spread), and of what the edited networks draw."""
    _, theta = batch(5, seed=seed).single
    pair = draw_pair(ARCHITECTURE, theta, generator=generator(seed, "pair"), elements=Elements())
    assert (pair.moved - pair.theta).abs().max() > 0.05
    with torch.no_grad():
        edited, moved = (
            made.edit(NetworkBatch.from_parameters(ARCHITECTURE, shown)).single[1]
            for shown in (pair.seen, pair.moved_seen)
        )
    update = edited - pair.seen
    error = (moved - pair.moved_seen - pair.transform_update(update)).abs().max() / update.std(0).max()
    drawings = [draw(ARCHITECTURE, networks, size=SIZE) for networks in (edited, moved)]
    before = draw(ARCHITECTURE, pair.seen, size=SIZE)
    assert (drawings[0] - before).abs().max() > 0.01
    return float(error), float((drawings[0] - drawings[1]).abs().max())


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("seed", range(3))
def test_edits_follow_the_symmetries_of_a_network(direction: Direction, seed: int) -> None:
    config = ModelConfig(features=8, layers=3, direction=direction, skip=True)
    update, drawing = equivariance_errors(editor(config, seed=seed), seed=seed)
    assert update < 1e-10
    assert drawing < 1e-10


def test_edits_of_a_perceptron_do_not() -> None:
    update, drawing = equivariance_errors(flat_editor(), seed=0)
    assert update > 0.1
    assert drawing > 0.01
