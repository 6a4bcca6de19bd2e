"""In double precision on the device: laws, both forms of the layers, and the numbers of the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from benchmarks.sides import ask_of, plain_of
from torch import Tensor, nn

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.networks import Activation, Architecture, cnn, siren
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from scalegmn.testing.parameters import random_parameters, randomize

BOUND = 1e-10
NETWORKS = {
    "sine networks": (siren(widths=(2, 32, 32, 1)),),
    "CNNs, relu": (cnn(activations=[Activation("relu")] * 3),),
    "CNNs, relu and tanh": tuple(cnn(activations=[Activation(kind)] * 3) for kind in ("relu", "tanh")),
}


def rows(device: str) -> Iterator[dict[str, object]]:
    """One for every kind of networks and of model; an error above the bound ends the stage after its row."""
    wrong = []
    for name, networks in NETWORKS.items():
        for direction in ("forward", "bidirectional"):
            for edits in (False, True):
                model = model_for(networks, direction=direction, edits=edits)
                found = errors(model, networks, device)
                named = f"{name}, {direction}{', editor' * edits}"
                yield {"what": named, **found}
                wrong += [named] if not all(value <= BOUND for value in found.values()) else []
    if wrong:
        raise SystemExit(f"errors above {BOUND:.0e}: {'; '.join(wrong)}")


def model_for(networks: tuple[Architecture, ...], *, direction: str, edits: bool) -> nn.Module:
    spec = GraphSpec.from_architectures(networks)
    config = ModelConfig(features=32, layers=3, direction=direction, skip=True)
    made: nn.Module = (
        ScaleGMNEditor(spec=spec, config=config) if edits else ScaleGMN(spec=spec, outputs=4, config=config)
    )
    return randomize(made, generator=generator(0)).double().eval()


def errors(model: nn.Module, networks: tuple[Architecture, ...], device: str) -> dict[str, float]:
    """Largest differences, each as a fraction of the largest answer or gradient."""
    batch = NetworkBatch(
        tuple((one, random_parameters(one, 4, generator=generator(1)).double()) for one in networks),
        torch.arange(4 * len(networks)),
    )
    moves = [random_symmetry(one, generator=generator(2), spread=4.0) for one in networks]
    here = answers(model, batch)
    model.to(device)
    there = answers(model, batch.to(device))
    plain = answers(plain_of(model), batch.to(device))
    moved = batch.with_theta([move.apply(theta) for move, (_, theta) in zip(moves, batch.parts, strict=True)])
    after = ask_of(model)(moved.to(device)).detach().cpu()
    expected = here[0]
    if isinstance(model, ScaleGMNEditor):
        split = expected.split([theta.numel() for _, theta in batch.parts])
        parts = [part.reshape(theta.shape) for part, (_, theta) in zip(split, batch.parts, strict=True)]
        expected = torch.cat([move.apply(part).flatten() for move, part in zip(moves, parts, strict=True)])
    return {
        "group elements": difference(expected, after.reshape(expected.shape)),
        "plain form": max(difference(one, other) for one, other in zip(plain[:1], there[:1], strict=True)),
        "gradients of the plain form": difference(plain[1], there[1]),
        "CPU": max(difference(one, other) for one, other in zip(here, there, strict=True)),
    }


def answers(model: nn.Module, batch: NetworkBatch) -> list[Tensor]:
    """Answers and all gradients in one vector, on the CPU."""
    answer = ask_of(model)(NetworkBatch(batch.parts, batch.positions))
    gradients = torch.autograd.grad(answer.square().mean(), list(model.parameters()), materialize_grads=True)
    joined = torch.cat([gradient.flatten() for gradient in gradients])
    return [
        answer.detach().cpu().flatten() if isinstance(model, ScaleGMNEditor) else answer.detach().cpu(),
        joined.cpu(),
    ]


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max())
