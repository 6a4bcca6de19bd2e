from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError
from scalegmn.zoo.classifiers import Classifier, ClassifierDesign
from scalegmn.zoo.classifiers._fit import ClassifierTraining
from scalegmn.zoo.classifiers._initialization import initial_state, is_map
from scalegmn.zoo.classifiers._recipe import ClassifierHyper
from tests.zoo.classifiers.classifier_cases import CONVOLUTIONAL, RESIDUAL, SPACE, TRANSFORMER, dice

CLASSES = 3


def hypers(count: int, **changes: object) -> list[ClassifierHyper]:
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "l2": 0.01, **changes}
    drawn = [SPACE.draw(dice(number)) for number in range(count)]
    return [dataclasses.replace(hyper, **settings) for hyper in drawn]  # type: ignore[arg-type]


def module_of(design: ClassifierDesign) -> Classifier:
    return design.build(channels=1, size=8, classes=CLASSES)


def double(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.double() if value.is_floating_point() else value for name, value in state.items()}


class Case:
    """Three networks in training in double precision, and what they see."""

    def __init__(self, design: ClassifierDesign, networks: Sequence[ClassifierHyper]) -> None:
        generator = torch.Generator().manual_seed(5)
        self.module, self.networks = module_of(design), networks
        self.images = torch.randn(24, 1, 8, 8, generator=generator, dtype=torch.float64)
        self.labels = torch.randint(CLASSES, (len(networks), 24), generator=generator)
        self.starts = [double(initial_state(self.module, hyper)) for hyper in networks]
        self.shares = [
            torch.randperm(24, generator=generator)[: 16 + 4 * (n % 3)] for n in range(len(networks))
        ]

    def training(self, places: Sequence[int] | None = None) -> ClassifierTraining:
        chosen = range(len(self.networks)) if places is None else places
        return ClassifierTraining(
            module=self.module.double(),
            starts=[self.starts[place] for place in chosen],
            networks=[self.networks[place] for place in chosen],
            images=self.images,
            labels=self.labels[list(chosen)],
            shares=[self.shares[place] for place in chosen],
            batch_size=8,
        )


def plain_loop(case: Case, place: int, seen: Sequence[tuple[Tensor, Tensor | None]]) -> nn.Module:
    """The same training as anybody would write it, network by network."""
    module, hyper = case.module.double(), case.networks[place]
    module.load_state_dict(case.starts[place])
    module.train()
    maps = [p for name, p in module.named_parameters() if is_map(name, p)]
    others = [p for name, p in module.named_parameters() if not is_map(name, p)]
    groups = [{"params": maps, "weight_decay": 2 * hyper.l2}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=hyper.learning_rate)
    for rows, keep in seen:
        optimizer.zero_grad()
        loss = F.cross_entropy(module(case.images[rows], keep), case.labels[place][rows])
        loss.backward()
        optimizer.step()
    return module


@pytest.mark.parametrize("design", [RESIDUAL, CONVOLUTIONAL, TRANSFORMER], ids=lambda design: design.family)
def test_training_is_the_plain_loop_batch_norm_included(design: ClassifierDesign) -> None:
    case = Case(design, hypers(3, dropout=0.3))
    training = case.training()
    seen: list[list[tuple[Tensor, Tensor | None]]] = [[], [], []]
    for _ in range(6):
        rows, keep = training._rows(), training._keep_factors()
        assert keep is not None and {round(k, 9) for k in keep.unique().tolist()} == {0, round(1 / 0.7, 9)}
        for place in range(3):
            seen[place].append((rows[place], keep[place]))
        training.step()
    for place in range(3):
        found, wanted = training.state(place), plain_loop(case, place, seen[place]).state_dict()
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert torch.allclose(found[name], value, rtol=0, atol=1e-10), name
            start = case.starts[place][name]
            # Biases of keys change nothing but by rounding: softmax takes them out.
            if not name.endswith("key.bias"):
                assert not torch.allclose(found[name].double(), start.double(), rtol=0, atol=1e-7), name


def test_rows_are_of_the_own_share_each_once_in_a_round() -> None:
    training = Case(TRANSFORMER, hypers(3)).training()
    rounds = []
    for _ in range(4):
        rounds.append(training._rows())
        training.step()
    for place, share in enumerate(training._shares):
        first = torch.cat([rounds[0][place], rounds[1][place]]).tolist()
        assert len(set(first)) == 16 and set(first) <= set(share.tolist())


def test_networks_do_not_influence_each_other() -> None:
    case = Case(RESIDUAL, hypers(3, dropout=0.2))
    together, alone = case.training(), case.training([1])
    for _ in range(4):
        together.step()
        alone.step()
    for name, value in alone.state(0).items():
        assert torch.allclose(together.state(1)[name], value, rtol=0, atol=1e-10), name


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_networks_go_on_when_others_end(optimizer: str) -> None:
    case = Case(RESIDUAL, hypers(3, optimizer=optimizer, learning_rate=0.01, dropout=0.2))
    whole, part = case.training(), case.training()
    for step in range(6):
        if step == 3:
            part.keep([2, 0])
        whole.step()
        part.step()
    for place, slot in ((2, 0), (0, 1)):
        for name, value in whole.state(place).items():
            assert torch.allclose(part.state(slot)[name], value, rtol=0, atol=1e-9), name


def test_what_diverges_goes_back_and_stays() -> None:
    networks = hypers(3)
    networks[1] = dataclasses.replace(networks[1], learning_rate=1e200)
    case = Case(RESIDUAL, networks)
    training, alone = case.training(), case.training([0, 2])
    for _ in range(4):
        training.step()
        alone.step()
    assert training.diverged.tolist() == [False, True, False]
    for name, _ in case.module.named_parameters():
        assert torch.equal(training.state(1)[name], case.starts[1][name]), name
    stopped = training.state(1)
    training.step()
    alone.step()
    for name, value in training.state(1).items():
        assert torch.equal(value, stopped[name]) and bool(torch.isfinite(value).all()), name
    for place, slot in ((0, 0), (2, 1)):
        for name, value in alone.state(slot).items():
            assert torch.allclose(training.state(place)[name], value, rtol=0, atol=1e-10), name


def test_less_than_a_mini_batch_is_refused() -> None:
    case = Case(RESIDUAL, hypers(1))
    case.shares = [torch.arange(5)]
    with pytest.raises(ConfigurationError, match="batch_size is 8 and a network sees 5 images"):
        case.training()
