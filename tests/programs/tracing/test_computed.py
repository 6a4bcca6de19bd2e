"""Weights that a module computes before every pass are effective parameters, and are written back exactly."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from scalegmn import symmetries
from scalegmn.errors import ProgramError, UnsupportedOperationError
from scalegmn.programs import run_program
from scalegmn.programs.files import program_from_json, program_to_json
from scalegmn.programs.foldings import fold, unfold
from scalegmn.programs.tracing import trace
from scalegmn.seeding import generator

Norm = Callable[..., nn.Module]


def weight_hook(module: nn.Module, **options: object) -> nn.Module:
    """PyTorch's older weight norm, which warns that there is a newer one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.nn.utils.weight_norm(module, **options)  # type: ignore[arg-type]


WEIGHT: list[Norm] = [weight_hook, parametrizations.weight_norm]
SPECTRAL: list[Norm] = [torch.nn.utils.spectral_norm, parametrizations.spectral_norm]


def filled(module: nn.Module) -> nn.Module:
    """In double precision, in evaluation mode, with random numbers everywhere, negative lengths too."""
    module = module.double().eval()
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        value.data.copy_(torch.randn(value.shape, generator=generator(0, name), dtype=torch.float64))
    return module


def answers(module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        answer = module(x)
    return answer[0] if isinstance(answer, tuple) else answer


def check_both_ways(module: nn.Module, x: Tensor, names: list[str]) -> None:
    """The program is the module; what is written for other weights, the module reads as these."""
    state = {name: value.clone() for name, value in module.state_dict().items()}
    program = trace(module, (x,))
    effective = fold(program, state)

    assert [parameter.name for parameter in program.parameters if not parameter.buffer] == names
    assert program_from_json(program_to_json(program)) == program
    y = run_program(program, effective, [x])[0]
    torch.testing.assert_close(y, answers(module, x), rtol=1e-12, atol=1e-12)
    for name, value in unfold(program, effective, like=state).items():
        torch.testing.assert_close(value, state[name], rtol=1e-12, atol=1e-12)

    moved = {
        name: torch.randn(value.shape, generator=generator(1, name), dtype=torch.float64)
        for name, value in effective.items()
    }
    module.load_state_dict(unfold(program, moved, like=state))
    expected = run_program(program, moved, [x])[0]
    torch.testing.assert_close(answers(module, x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("norm", [*WEIGHT, *SPECTRAL])
@pytest.mark.parametrize("dim", [0, 1])
def test_layers_with_computed_weights(norm: Norm, dim: int) -> None:
    layers = nn.Sequential(norm(nn.Linear(3, 4), dim=dim), nn.Tanh(), nn.Linear(4, 2))
    module = filled(layers)
    x = torch.randn(5, 3, generator=generator(2), dtype=torch.float64)

    check_both_ways(module, x, ["0.bias", "0.weight", "2.weight", "2.bias"])


@pytest.mark.parametrize("norm", [*WEIGHT, *SPECTRAL])
def test_convolutions_with_computed_weights(norm: Norm) -> None:
    module = filled(nn.Sequential(norm(nn.Conv2d(2, 3, 3)), nn.ReLU()))

    x = torch.randn(2, 2, 5, 5, generator=generator(2), dtype=torch.float64)
    check_both_ways(module, x, ["0.bias", "0.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("norm", WEIGHT)
def test_one_length_for_a_whole_weight(norm: Norm) -> None:
    module = filled(norm(nn.Linear(3, 2, bias=False), dim=None))

    check_both_ways(module, torch.randn(4, 3, generator=generator(2), dtype=torch.float64), ["weight"])


@pytest.mark.parametrize("norm", WEIGHT)
def test_layers_whose_weights_are_held_in_a_list(norm: Norm) -> None:
    module = filled(norm(nn.LSTM(2, 3), name="weight_hh_l0"))

    x = torch.randn(4, 1, 2, generator=generator(2), dtype=torch.float64)
    check_both_ways(module, x, ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0", "weight_hh_l0"])


@pytest.mark.parametrize("norm", [*WEIGHT, *SPECTRAL])
def test_the_module_is_left_as_it_is(norm: Norm) -> None:
    module = nn.Sequential(norm(nn.Linear(3, 4)), nn.ReLU()).train()
    names = list(module.state_dict())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    kind, pointer = type(module[0]), module.get_parameter("0.bias").data_ptr()

    trace(module, (torch.zeros(2, 3),))

    assert list(module.state_dict()) == names and type(module[0]) is kind
    assert module.get_parameter("0.bias").data_ptr() == pointer and module[0].training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_weights_of_zero_keep_their_directions() -> None:
    module = filled(nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 2))))
    program = trace(module, (torch.zeros(2, 3),))
    state = module.state_dict()
    effective = fold(program, state)
    effective["0.weight"] = torch.cat([torch.zeros(1, 3, dtype=torch.float64), effective["0.weight"][1:]])

    written = unfold(program, effective, like=state)

    torch.testing.assert_close(fold(program, written)["0.weight"], effective["0.weight"])
    original = "0.parametrizations.weight.original1"
    assert torch.equal(written[original][0], state[original][0])


def test_spectral_norms_cannot_be_zero() -> None:
    module = filled(nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 2))))
    program = trace(module, (torch.zeros(2, 3),))
    effective = fold(program, module.state_dict())
    effective["0.weight"] = torch.zeros(2, 3, dtype=torch.float64)

    with pytest.raises(ProgramError, match=r"0\.weight is 0, expected another one"):
        unfold(program, effective, like=module.state_dict())


class Doubling(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def test_other_parametrizations_become_part_of_the_program() -> None:
    layer = nn.Linear(3, 2)
    parametrize.register_parametrization(layer, "weight", Doubling())
    module = filled(nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 3)), layer))
    x = torch.randn(4, 3, generator=generator(2), dtype=torch.float64)

    original = "1.parametrizations.weight.original"
    check_both_ways(module, x, ["0.bias", "0.weight", "1.bias", original])


@pytest.mark.slow
@pytest.mark.parametrize("norm", [*WEIGHT, *SPECTRAL])
def test_a_layer_that_is_used_twice_is_one(norm: Norm) -> None:
    layer = norm(nn.Linear(3, 3))
    module = filled(nn.Sequential(layer, nn.Tanh(), layer))

    x = torch.randn(4, 3, generator=generator(2), dtype=torch.float64)
    check_both_ways(module, x, ["0.bias", "0.weight"])


def test_layers_that_share_directions_only_are_refused() -> None:
    first, second = (weight_hook(nn.Linear(3, 3)) for _ in range(2))
    second.weight_v = first.weight_v
    with pytest.raises(ProgramError, match=r"0\.weight_v and 1\.weight_v of .* are the same tensor"):
        trace(nn.Sequential(first, second), (torch.zeros(2, 3),))


def test_modules_that_cannot_be_copied_are_refused_in_a_sentence() -> None:
    class Alone(nn.Sequential):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise TypeError("there is one only")

    module = Alone(parametrizations.weight_norm(nn.Linear(3, 3)))
    with pytest.raises(
        ProgramError, match=r"the network itself \(Alone\) computes weights .* cannot be copied"
    ):
        trace(module, (torch.zeros(2, 3),))


def test_tensors_that_do_not_fit_each_other_are_refused() -> None:
    module = nn.Sequential(weight_hook(nn.Linear(3, 2)))
    program = trace(module, (torch.zeros(2, 3),))

    with pytest.raises(ProgramError, match=r"0\.weight_g and 0\.weight_v do not fit each other"):
        fold(program, {**module.state_dict(), "0.weight_g": torch.ones(7, 1)})


class Inverting(nn.Module):
    """Uses an operation of which nothing is known."""

    def forward(self, weight: Tensor) -> Tensor:
        return torch.linalg.pinv(weight).t()


def test_parametrizations_of_which_nothing_is_known_can_be_taken_off() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Inverting())

    with pytest.raises(UnsupportedOperationError, match=r"0\.parametrizations\.weight\.0 .*remove_parametr"):
        trace(nn.Sequential(layer), (torch.zeros(2, 3),))


@pytest.mark.parametrize("norm", [*WEIGHT, *SPECTRAL])
def test_elements_of_the_group_act_on_state_dicts(norm: Norm) -> None:
    module = filled(nn.Sequential(norm(nn.Linear(3, 5)), nn.ReLU(), norm(nn.Linear(5, 2))))
    x = torch.randn(7, 3, generator=generator(2), dtype=torch.float64)
    found = symmetries(module, (x,))
    before, state = answers(module, x), {name: v.clone() for name, v in module.state_dict().items()}

    moved = found.apply(found.random(generator(4)), state)
    module.load_state_dict(moved)

    assert found.group.scales.dimension == 5
    assert not all(torch.allclose(moved[name], state[name], rtol=1e-3) for name in state)
    torch.testing.assert_close(answers(module, x), before, rtol=1e-11, atol=1e-11)
