from __future__ import annotations

import dataclasses

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.zoo.cnns import CnnRecipe, ZooFamily
from scalegmn.zoo.cnns import _plan as cnn_plan
from scalegmn.zoo.cnns._plan import CnnPlan, TrainingJob
from tests.zoo.cnns.cnn_cases import MIXED, ZOO, some_images


def plan_of(
    recipe: CnnRecipe = ZOO, *, networks: int = 30, shard_size: int = 1, together: int = 3, seed: int = 0
) -> CnnPlan:
    return CnnPlan(some_images(), recipe, networks, seed, shard_size, together, torch.device("cpu"))


def without_order(jobs: list[TrainingJob]) -> set[tuple[tuple[int, ...], int]]:
    return {(job.networks, job.images) for job in jobs}


@pytest.mark.parametrize("recipe", [ZOO, MIXED], ids=["zoo", "mixed"])
def test_jobs_hold_every_network_once(recipe: CnnRecipe) -> None:
    jobs = plan_of(recipe).jobs(range(30))
    assert sorted(number for job in jobs for number in job.networks) == list(range(30))
    for job in jobs:
        assert 1 <= len(job.networks) <= 3
        for number, hyper in zip(job.networks, job.hypers, strict=True):
            assert hyper == recipe.hyper(0, number)
            assert int(hyper.train_fraction * 24) == job.images
        stages = job.architecture.stages[:-1]
        if recipe is ZOO:
            assert {stage.activate.activation.kind for stage in stages} == {job.hypers[0].activation}
    assert any(len(job.networks) == 3 for job in jobs) or recipe is MIXED


def test_networks_that_share_an_architecture_may_be_trained_together() -> None:
    jobs = plan_of(MIXED, networks=12).jobs(range(12))
    number_of = {number: job.architecture for job in jobs for number in job.networks}
    for number in range(0, 12, 2):
        assert number_of[number] == number_of[number + 1]


def test_jobs_do_not_reach_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it does not matter how many blocks a shard has."""
    monkeypatch.setattr(cnn_plan, "_BLOCK", 8)
    plan = plan_of(networks=20)
    apart = [job for start in (0, 8, 16) for job in plan.jobs(range(start, min(start + 8, 20)))]
    assert without_order(plan.jobs(range(20))) == without_order(apart)


def test_shards_are_whole_blocks() -> None:
    assert plan_of(shard_size=1).shard_size == plan_of().block == 128
    assert plan_of(shard_size=129).shard_size == 256
    wide = dataclasses.replace(MIXED, family=dataclasses.replace(MIXED.family, networks_each=50))
    assert plan_of(wide).block == 100
    very_wide = dataclasses.replace(MIXED, family=dataclasses.replace(MIXED.family, networks_each=200))
    assert plan_of(very_wide).block == 200


def test_shares_are_of_the_right_size_and_of_each_network_alone() -> None:
    plan = plan_of()
    jobs = plan.jobs(range(30))
    assert {job.images for job in jobs} == {12, 24}
    for job in jobs:
        shares = plan.image_subsets(job)
        assert shares.shape == (len(job.networks), job.images)
        for own, hyper in zip(shares, job.hypers, strict=True):
            assert len(set(own.tolist())) == job.images and int(own.max()) < 24
            alone = dataclasses.replace(job, networks=job.networks[:1], hypers=(hyper,))
            assert torch.equal(plan.image_subsets(alone)[0], own)
    half = next(job for job in jobs if job.images == 12 and len(job.networks) > 1)
    assert set(plan.image_subsets(half)[0].tolist()) != set(plan.image_subsets(half)[1].tolist())


def test_a_share_is_never_empty() -> None:
    space = dataclasses.replace(ZOO.space, train_fractions=(0.001,))
    jobs = plan_of(dataclasses.replace(ZOO, space=space), networks=5).jobs(range(5))
    assert {job.images for job in jobs} == {1}


def test_images_of_both_kinds() -> None:
    plan = plan_of()
    assert plan.train[0].shape == (24, 1, 8, 8) and plan.test[0].shape == (10, 1, 8, 8)
    assert plan.train[1].tolist() == some_images().labels[:24].tolist()


def test_provenance_tells_populations_apart() -> None:
    plan = plan_of()
    assert plan.provenance() == plan_of().provenance()
    padded = dataclasses.replace(ZOO, family=ZooFamily(channels=(3, 4), padding=1))
    others = [plan_of(seed=1), plan_of(networks=31), plan_of(padded), plan_of(MIXED), plan_of(together=4)]
    for other in others:
        assert other.provenance() != plan.provenance()
    assert plan_of(padded).provenance()["padding"] == 1


def test_images_that_are_too_small() -> None:
    plan_of().check()
    plan_of(MIXED).check()
    deep = dataclasses.replace(ZOO, family=ZooFamily(channels=(2, 2, 2)))
    with pytest.raises(ConfigurationError, match=r"8 x 8 pixels.*conv\.2"):
        plan_of(deep).check()
