"""Models that read lists of weights and biases."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import Activation
from scalegmn.seeding import generator
from scalegmn.testing import (
    PERMUTATIONS,
    Elements,
    ModelLaw,
    WeightLists,
    assert_equivariant,
    assert_invariant,
    randomize,
    symmetry_error,
)
from tests.testing.foreign import ListLayer, ListModel

WIDTHS = (2, 5, 4, 1)


def networks(**options: object) -> WeightLists:
    return WeightLists.random(WIDTHS, generator=generator(0), **options)  # type: ignore[arg-type]


def foreign() -> Callable[..., Tensor]:
    model = randomize(ListModel(3), generator=generator(1)).double()
    return lambda weights, biases: model((weights, biases))


def test_a_foreign_model_is_invariant_under_permutations() -> None:
    report = assert_invariant(foreign(), networks(), generator=generator(2), elements=PERMUTATIONS)
    assert report.law is ModelLaw.invariance
    assert (report.elements, report.group) == (8, "permutations of 9 hidden neurons")
    assert report.holds and 0 <= report.error < 1e-12
    assert report.function_change is not None and report.function_change < 1e-12
    assert "no activations were given, so permutations of hidden neurons alone" in str(report)
    assert "of 2-5-4-1 (activations unknown); drawn were 8" in str(report)


def test_permutations_alone_are_said_to_be_so() -> None:
    with pytest.warns(UserWarning, match=r"no activations.*neither scales nor signs.*elements=PERMUTATIONS"):
        report = assert_invariant(foreign(), networks(), generator=generator(2))
    assert report.group == "permutations of 9 hidden neurons"
    assert "neither scales nor signs" in report.remark
    with pytest.raises(SymmetryError, match="which were not given; say activations='relu'"):
        assert_invariant(foreign(), networks(), generator=generator(2), elements=Elements())


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_scales_and_signs_are_tested_where_activations_are_known(activation: str) -> None:
    known = networks(activations=activation)
    with pytest.raises(
        AssertionError, match=r"invariance.*does not hold: relative error .*output \d of network"
    ):
        assert_invariant(foreign(), known, generator=generator(2))
    report = assert_invariant(foreign(), known, generator=generator(2), elements=PERMUTATIONS)
    assert not report.remark


def test_only_permutations_are_symmetries_of_gelu() -> None:
    report = assert_invariant(foreign(), networks(activations="gelu"), generator=generator(2))
    assert report.group == "permutations of 9 hidden neurons" and not report.remark


@pytest.mark.parametrize("activations", [["relu", "tanh"], [Activation("sine", 5.0), "identity"]])
def test_products_of_norms_are_invariant_under_everything(activations: list[Activation | str]) -> None:
    def paths(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> Tensor:
        first, second, third = (weight.abs()[..., 0] for weight in weights)
        return third @ second @ first

    report = assert_invariant(paths, networks(activations=activations), generator=generator(2), draws=3)
    assert "positive scales of" in report.group and "signs of" in report.group
    assert report.elements == 24
    assert ("phases of" in report.group) == (activations[0] != "relu")


@pytest.mark.parametrize("features", [1, 3])
def test_a_layer_is_equivariant(features: int) -> None:
    layer = randomize(ListLayer(3, features, 2), generator=generator(1)).double()
    known = networks(features=features, activations="gelu")
    report = assert_equivariant(layer, known, generator=generator(2))
    assert (report.function_change is None) == (features > 1)
    assert ("could not be run" in str(report)) == (features > 1)
    with pytest.raises(AssertionError, match=r"equivariance.*at (weights|biases)\[\d\] of network"):
        assert_equivariant(layer, networks(features=features, activations="relu"), generator=generator(2))


def test_a_layer_that_mixes_up_neurons_is_caught() -> None:
    def shifted(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> object:
        return weights, (biases[0].roll(1, dims=1), *biases[1:])

    with pytest.raises(AssertionError, match=r"equivariance.*at biases\[0\] of network \d of 2-5-4-1"):
        assert_equivariant(shifted, networks(), generator=generator(2), elements=PERMUTATIONS)


def test_features_have_no_phases() -> None:
    def own(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> object:
        return weights, biases

    for features, group in ((1, "signs of 9, phases of 9"), (2, "signs of 9")):
        known = networks(features=features, activations="sine")
        report = assert_equivariant(own, known, generator=generator(2))
        assert report.group == f"permutations of 9 hidden neurons, {group}"


def test_scaling_equivariance_of_networks_with_features() -> None:
    def twice(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> object:
        return [torch.cat([w, 2 * w], dim=-1) for w in weights], [
            torch.cat([b, 2 * b], dim=-1) for b in biases
        ]

    def squares(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> object:
        return [w**2 for w in weights], [b**2 for b in biases]

    known = networks(features=2, activations="relu")
    assert "positive scales of 9" in assert_equivariant(twice, known, generator=generator(2)).group
    with pytest.raises(AssertionError, match="equivariance"):
        assert_equivariant(squares, known, generator=generator(2))


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("features", [None, 1, 2])
def test_layouts(features: int | None, transposed: bool, channels_first: bool) -> None:
    known = networks(
        features=features, transposed=transposed, channels_first=channels_first, activations="relu"
    )
    shape = (4, 5) if not transposed else (5, 4)
    sizes = () if features is None else (features,)

    def own(weights: tuple[Tensor, ...], biases: tuple[Tensor, ...]) -> object:
        assert weights[1].shape == (16, *((*sizes, *shape) if channels_first else (*shape, *sizes)))
        assert biases[1].shape == (16, *((*sizes, 4) if channels_first else (4, *sizes)))
        return weights, biases

    assert assert_equivariant(own, known, generator=generator(2)).error == 0
    plain = networks(features=features, activations="relu")
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(known.parts, plain.parts, strict=True))


def test_lists_of_ones_own_networks() -> None:
    modules = [nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1)).double() for _ in range(3)]
    states = [list(module.parameters()) for module in modules]
    weights = [torch.stack([state[place].detach() for state in states]) for place in (0, 2)]
    biases = [torch.stack([state[place].detach() for state in states]) for place in (1, 3)]
    lists = WeightLists(weights, biases, activations="relu")
    ((architecture, theta),) = lists.parts
    assert architecture.describe() == "2-5-1 (relu), 21 parameters"
    flat = torch.stack([nn.utils.parameters_to_vector(module.parameters()) for module in modules]).detach()
    assert torch.equal(theta.squeeze(1), flat)
    without = WeightLists(weights, activations="relu")
    assert_equivariant(lambda w, b: (w, b), without, generator=generator(0))


A, B = torch.randn(4, 5, 2), torch.randn(4, 1, 5)


@pytest.mark.parametrize(
    ("weights", "biases", "options", "message"),
    [
        ([], [], {}, "0 layer of weights has no hidden neurons"),
        ([A], [], {}, "1 layer of weights has no hidden neurons, so its group is trivial"),
        ([A.mT, B], [], {}, r"weights\[1\] reads 5 neurons, but weights\[0\] has 2 outputs.*transposed=True"),
        ([A[0], B[0]], [], {}, r"weights\[0\] has shape \(5, 2\), expected \(B, outputs, inputs, features"),
        ([A, B], [A[:, 0], B], {}, "biases are of layers with|different features"),
        ([A, B], [A[:, :, 0]], {}, "give a bias for every weight, or none"),
        ([A, B[:2]], [], {}, "tensors are of different networks"),
        ([A[..., None], B], [], {}, "tensors are of different features"),
        ([A, "B"], [], {}, r"weights\[1\] is a str, expected a tensor"),
        (A, [], {}, "weights are a tensor of shape .* expected a list of tensors"),
        ([A.long(), B], [], {}, r"weights\[0\] are torch.int64, expected floating point"),
        ([A * torch.inf, B], [], {}, "NaN or infinite"),
        ([A[:0], B[:0]], [], {}, "which holds nothing"),
        ([A, B], [], {"activations": ["relu", "relu"]}, "2 activations for 1 hidden layers"),
    ],
)
def test_arguments_that_do_not_fit(
    weights: list[Tensor], biases: list[Tensor], options: dict[str, object], message: str
) -> None:
    with pytest.raises(SymmetryError, match=message) as caught:
        WeightLists(weights, biases, **options)  # type: ignore[arg-type]
    assert str(caught.value).isprintable()


def test_unknown_activations_are_named() -> None:
    with pytest.raises(ArchitectureError, match="did you mean 'relu'"):
        networks(activations="rlu")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, r"model is 3, expected something that is called: model\(weights, biases\)"),
        (lambda lists: 1, r"is called as model\(weights, biases\); wrap it in a function that takes 2 argum"),
        (lambda w, b: None, "output is a NoneType, expected a tensor with one row for each network"),
        (lambda w, b: w[0].mean(0), "expected one row for each of the 16 networks"),
        (lambda w, b: w[0].sum(), "expected one row for each of the 16 networks"),
        (ListLayer(3, 1, 1), "the weights of the model are torch.float32; call model.to"),
    ],
)
def test_models_that_do_not_fit(model: Callable[..., object], message: str) -> None:
    with pytest.raises(SymmetryError, match=message):
        assert_invariant(model, networks(), generator=generator(2), elements=PERMUTATIONS)


def test_updates_that_do_not_fit() -> None:
    with pytest.raises(SymmetryError, match="an update has the shapes of what was read"):
        assert_equivariant(
            lambda w, b: (w[:2], b[:2]), networks(), generator=generator(2), elements=PERMUTATIONS
        )
    with pytest.raises(AssertionError, match="can only obey invariance"):
        assert_equivariant(lambda w, b: w[0], networks(), generator=generator(2), elements=PERMUTATIONS)


def test_single_precision() -> None:
    single = networks(dtype=torch.float32)
    model = randomize(ListLayer(3, 1, 1), generator=generator(1))
    report = assert_equivariant(model, single, generator=generator(2), elements=PERMUTATIONS)
    assert report.tolerance == 1e-4
    assert model.training


def test_errors_are_numbers() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert symmetry_error(foreign(), networks(), generator=generator(2)) < 1e-12
        assert symmetry_error(foreign(), networks(activations="relu"), generator=generator(2)) > 0.1
