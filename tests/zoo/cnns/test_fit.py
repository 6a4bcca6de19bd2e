from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activation, Architecture, cnn, run
from scalegmn.seeding import generator, numpy_generator
from scalegmn.zoo.cnns import CnnTraining, Hyperparameters, Optimizer, WildSpace
from scalegmn.zoo.cnns._hyperparameters import OPTIMIZERS
from scalegmn.zoo.cnns._wild import draw_architecture

CLASSES = 3
IMAGES, BATCH = 26, 8
SMALL = cnn(channels=(2, 4, 5), classes=CLASSES, activations=[Activation("relu"), Activation("tanh")])


def hyper(number: int, *, optimizer: Optimizer, **settings: float) -> Hyperparameters:
    """Hyper-parameters that differ from network to network."""
    base = Hyperparameters(
        activation="",
        w_init="normal",
        init_std=0.3,
        learning_rate=0.01 * (number + 1),
        l2=0.003 * number,
        dropout=0.0,
        train_fraction=1.0,
        optimizer=optimizer,
        seed=100 + number,
    )
    return dataclasses.replace(base, **settings)  # type: ignore[arg-type]


def some_images(*leading: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    dice = generator(seed, "images")
    pixels = torch.randn(*leading, 2, 8, 9, generator=dice, dtype=torch.float64)
    return pixels, torch.randint(CLASSES, leading, generator=dice)


def start(architecture: Architecture, networks: int) -> Tensor:
    dice = generator(1, "theta")
    return 0.3 * torch.randn(networks, architecture.num_parameters, generator=dice, dtype=torch.float64)


def training_of(
    networks: Sequence[Hyperparameters],
    *,
    architecture: Architecture = SMALL,
    theta: Tensor | None = None,
    shares: Tensor | None = None,
    batch_size: int = BATCH,
) -> CnnTraining:
    images, labels = some_images(IMAGES)
    return CnnTraining(
        architecture=architecture,
        theta=start(architecture, len(networks)) if theta is None else theta,
        networks=networks,
        images=images,
        labels=labels,
        shares=shares,
        batch_size=batch_size,
    )


def plain_module(theta: Tensor) -> nn.Sequential:
    """The network `SMALL` as anybody would write it."""
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(4, 5, 3, stride=2),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, CLASSES),
    ).double()
    nn.utils.vector_to_parameters(theta.clone(), module.parameters())
    return module


def plain_optimizer(module: nn.Module, own: Hyperparameters) -> torch.optim.Optimizer:
    match own.optimizer:
        case "sgd":
            return torch.optim.SGD(module.parameters(), lr=own.learning_rate)
        case "rmsprop":
            return torch.optim.RMSprop(module.parameters(), lr=own.learning_rate, alpha=0.9, eps=1e-7)
        case "adam":
            return torch.optim.Adam(module.parameters(), lr=own.learning_rate)


def trained_plainly(theta: Tensor, own: Hyperparameters, share: Tensor, *, epochs: int) -> list[Tensor]:
    """The parameters of one network after every epoch, trained alone by PyTorch's own optimizer."""
    images, labels = some_images(IMAGES)
    module, after, steps = plain_module(theta), [], 0
    optimizer = plain_optimizer(module, own)
    for epoch in range(epochs):
        order = share[torch.from_numpy(numpy_generator(own.seed, "order", epoch).permutation(len(share)))]
        for rows in order.split(BATCH):
            if len(rows) < BATCH:
                continue
            steps += 1
            if own.optimizer == "adam":
                # Keras adds its epsilon before the correction for the start, PyTorch behind it.
                optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999**steps) ** 0.5
            optimizer.zero_grad()
            loss = F.cross_entropy(module(images[rows]), labels[rows])
            for parameter in module.parameters():
                if parameter.ndim > 1:
                    loss = loss + own.l2 * parameter.square().sum()
            loss.backward()
            optimizer.step()
        after.append(nn.utils.parameters_to_vector(module.parameters()).detach().clone())
    return after


def test_each_network_is_trained_as_if_alone_by_plain_pytorch() -> None:
    networks = [hyper(number, optimizer=OPTIMIZERS[number % 3]) for number in range(6)]
    theta = start(SMALL, 6)
    shares = torch.stack([torch.randperm(IMAGES, generator=generator(n, "share"))[:20] for n in range(6)])
    training = training_of(networks, theta=theta, shares=shares)
    assert training.steps_per_epoch == 2
    wanted = [trained_plainly(theta[n], own, shares[n], epochs=3) for n, own in enumerate(networks)]
    for epoch in range(3):
        training.epoch()
        assert training.epochs == epoch + 1
        for number in range(6):
            torch.testing.assert_close(
                training.theta[number],
                wanted[number][epoch],
                rtol=1e-8,
                atol=1e-10,
                msg=OPTIMIZERS[number % 3],
            )
    assert not training.diverged.any()
    assert (training.theta - theta).abs().amax(dim=1).min() > 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_company_does_not_matter(seed: int) -> None:
    """Dropout and networks with residuals included."""
    space = WildSpace(depths=(3, 4), channels=(2, 3), kernel_sizes=(1, 3), residual=1.0)
    dice = numpy_generator(seed, "wild")
    architecture = draw_architecture(generator=dice, space=space, inputs=2, outputs=CLASSES)
    assert architecture.skips
    networks = [hyper(n, optimizer=OPTIMIZERS[n], dropout=(0.4, 0.0, 0.6)[n]) for n in range(3)]
    theta = start(architecture, 3)
    together = training_of(networks, architecture=architecture, theta=theta)
    alone = [
        training_of([own], architecture=architecture, theta=theta[n : n + 1])
        for n, own in enumerate(networks)
    ]
    for _ in range(2):
        for training in (together, *alone):
            training.epoch()
    torch.testing.assert_close(
        together.theta, torch.cat([training.theta for training in alone]), rtol=1e-8, atol=1e-10
    )


def test_dropout_changes_the_training_and_not_the_figures() -> None:
    without, with_dropout = (hyper(0, optimizer="sgd", dropout=rate) for rate in (0.0, 0.5))
    both = training_of([without, with_dropout], theta=start(SMALL, 1).expand(2, -1))
    figures = both.evaluate(*some_images(10, seed=3))
    assert figures.loss[0].item() == pytest.approx(figures.loss[1].item(), rel=1e-9)
    both.epoch()
    assert not torch.allclose(both.theta[0], both.theta[1])


def test_gradient_is_that_of_the_whole_loss() -> None:
    networks = [hyper(n, optimizer="sgd") for n in range(2)]
    theta = start(SMALL, 2).requires_grad_()
    images, labels = some_images(2, 5)
    cross_entropy = F.cross_entropy(run(SMALL, theta, images).mT, labels, reduction="none").mean(dim=1)
    state = SMALL.unflatten(theta)
    weights = [state[f"{name}.weight"].flatten(1) for name in ("conv.0", "conv.1", "dense")]
    penalty = torch.cat(weights, dim=1).square().sum(dim=1)
    whole = cross_entropy + torch.tensor([own.l2 for own in networks]) * penalty
    wanted = torch.autograd.grad(whole.sum(), theta)[0]
    losses, found = training_of(networks, theta=theta).gradient(images.permute(0, 3, 2, 4, 1), labels)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(losses, cross_entropy.detach())


def test_figures_are_those_of_the_functions() -> None:
    networks = [hyper(n, optimizer="sgd") for n in range(3)]
    training, theta = training_of(networks), start(SMALL, 3)
    # More images than are evaluated at once.
    for images, labels in (some_images(400, seed=2), some_images(3, 7, seed=2)):
        outputs, answers = run(SMALL, theta, images), labels.expand(3, -1)
        figures = training.evaluate(images, labels)
        torch.testing.assert_close(
            figures.accuracy, (outputs.argmax(dim=2) == answers).double().mean(dim=1), rtol=0, atol=1e-12
        )
        wanted = F.cross_entropy(outputs.mT, answers, reduction="none").mean(dim=1)
        torch.testing.assert_close(figures.loss, wanted, rtol=1e-10, atol=0)


def test_own_figures_are_of_the_images_that_a_network_sees() -> None:
    images, labels = some_images(IMAGES)
    shares = torch.stack([torch.arange(0, 10), torch.arange(10, 20)])
    training = training_of([hyper(n, optimizer="sgd") for n in range(2)], shares=shares)
    own, _ = training.settle(images, labels)
    wanted = training.evaluate(images[shares], labels[shares])
    torch.testing.assert_close(own.loss, wanted.loss)
    assert torch.equal(own.accuracy, wanted.accuracy)


def test_a_diverged_network_goes_back_and_leaves_the_others_alone() -> None:
    good = hyper(0, optimizer="adam")
    bad = hyper(1, optimizer="sgd", learning_rate=1e200, l2=0.0)
    theta = start(SMALL, 2)
    both, alone = training_of([good, bad], theta=theta), training_of([good], theta=theta[:1])
    for _ in range(3):
        both.epoch()
        alone.epoch()
        assert torch.isfinite(both.theta).all()
    assert both.diverged.tolist() == [False, True]
    torch.testing.assert_close(both.theta[:1], alone.theta, rtol=1e-8, atol=1e-10)
    # Its first step took it too far, so the last good parameters are those of the start.
    torch.testing.assert_close(both.theta[1], theta[1])


def test_parameters_whose_figures_are_not_finite_are_not_kept() -> None:
    """The last step of an epoch may go too far without a loss or gradient that would show it."""
    networks = [
        hyper(0, optimizer="sgd"),
        hyper(1, optimizer="sgd", learning_rate=1e200, l2=0.0),
    ]
    theta = start(SMALL, 2)
    training = training_of(networks, theta=theta, batch_size=IMAGES)
    training.epoch()
    assert not training.diverged.any()
    for figures in training.settle(*some_images(6, seed=4)):
        assert torch.isfinite(figures.loss).all() and torch.isfinite(figures.accuracy).all()
    assert training.diverged.tolist() == [False, True]
    assert torch.equal(training.theta[1], theta[1])
    assert not torch.equal(training.theta[0], theta[0])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_bounded_activations_do_not_hide_divergence(optimizer: Optimizer, kind: str) -> None:
    """All figures stay finite, and nothing overflows: no processor could tell by NaN or infinities."""
    architecture = cnn(channels=(2, 4, 5), classes=CLASSES, activations=[Activation(kind)] * 2)
    networks = [hyper(0, optimizer=optimizer), hyper(1, optimizer=optimizer, learning_rate=1e8, l2=0.0)]
    theta = start(architecture, 2)
    training = training_of(networks, architecture=architecture, theta=theta)
    training.epoch()
    for figures in training.settle(*some_images(6, seed=4)):
        assert torch.isfinite(figures.loss).all()
    assert training.diverged.tolist() == [False, True]
    assert torch.equal(training.theta[1], theta[1])
    assert training.theta.abs().max() < 100


def test_a_start_without_finite_figures_is_an_error() -> None:
    theta = start(SMALL, 2)
    theta[1] *= 1e200
    training = training_of([hyper(n, optimizer="sgd") for n in range(2)], theta=theta)
    with pytest.raises(ConfigurationError, match=r"networks \[1\] is not finite"):
        training.settle(*some_images(6))


def test_what_is_given_is_not_changed() -> None:
    theta = start(SMALL, 1)
    before = theta.clone()
    training = training_of([hyper(0, optimizer="sgd")], theta=theta)
    training.theta.zero_()
    training.diverged.fill_(True)
    training.epoch()
    assert torch.equal(theta, before)
    assert not training.diverged.any() and bool(training.theta.any())


def test_progress_adds_up_and_may_stop_the_training() -> None:
    training = training_of([hyper(0, optimizer="sgd")])
    parts: list[float] = []
    training.epoch(parts.append)
    assert len(parts) == training.steps_per_epoch == 3
    assert sum(parts) == pytest.approx(1)

    def stop(part: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        training.epoch(stop)


def test_few_images_make_small_steps() -> None:
    shares = torch.tensor([[3, 5, 7]])
    training = training_of([hyper(0, optimizer="sgd")], shares=shares, batch_size=500)
    assert training.steps_per_epoch == 1
    training.epoch()
    assert not torch.equal(training.theta, start(SMALL, 1))


def test_what_does_not_fit_together() -> None:
    one = [hyper(0, optimizer="sgd")]
    with pytest.raises(ConfigurationError, match="2 networks, but 1 sets"):
        training_of(one, theta=start(SMALL, 2))
    with pytest.raises(ConfigurationError, match="2 fractions"):
        training_of(one, shares=torch.zeros(2, 4, dtype=torch.long))
    with pytest.raises(ConfigurationError, match="batch_size is 0"):
        training_of(one, batch_size=0)
    with pytest.raises(ConfigurationError, match="sees 0 images"):
        training_of(one, shares=torch.zeros(1, 0, dtype=torch.long))
    images, labels = some_images(5)
    with pytest.raises(
        ConfigurationError, match=r"images of shape \(5, 2, 8, 9\) and labels of shape \(4,\)"
    ):
        training_of(one).evaluate(images, labels[:4])
