from __future__ import annotations

import pytest
import torch

from scalegmn.models.baselines._probe_generators import ImageProbes, VectorProbes


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (1, 1), (3, 5), (9, 17), (64, 64)])
def test_images_have_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        probes = ImageProbes(probes=5, latent=6, width=2, channels=3, size=size)()
    assert probes.shape == (5, 3, *size)
    assert probes.abs().max() <= 1


def test_images_differ_from_the_start() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        probes = ImageProbes(probes=40, latent=32, width=8, channels=1, size=(28, 28))()
    assert 0.3 < probes.std(0).mean() < 0.9


def test_vectors_are_linear_in_their_codes() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = VectorProbes(probes=4, latent=5, features=2)
    with torch.no_grad():
        codes = generator.codes.clone()
        one = generator()
        generator.codes.zero_()
        zero = generator()
        generator.codes.copy_(3 * codes)
        three = generator()
    assert one.shape == (4, 2)
    assert torch.allclose(three - zero, 3 * (one - zero), atol=1e-5)
