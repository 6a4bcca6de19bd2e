from __future__ import annotations

import dataclasses

import numpy as np
import torch

from scalegmn.zoo.classifiers._plan import ClassifierPlan
from tests.zoo.classifiers.classifier_cases import RECIPE
from tests.zoo.cnns.cnn_cases import CLASSES, some_images

PLAN = ClassifierPlan(some_images(2000, 10), RECIPE, 20, 3, 5, torch.device("cpu"))
HYPER = RECIPE.hyper(3, 0)


def test_shards_are_whole_pieces_of_one_design() -> None:
    assert PLAN.shard_size == 6
    jobs = PLAN.jobs(range(6, 11))
    assert [job.networks for job in jobs] == [(6, 7), (8, 9), (10,)]
    assert [job.design for job in jobs] == [1, 0, 1]
    assert jobs[1].hypers == (RECIPE.hyper(3, 8), RECIPE.hyper(3, 9))


def test_shares_are_of_their_size_without_repeats() -> None:
    share = PLAN.share(dataclasses.replace(HYPER, train_fraction=0.25))
    assert len(share) == 500 == len(set(share.tolist())) and int(share.max()) < 2000
    assert not torch.equal(share, PLAN.share(dataclasses.replace(HYPER, train_fraction=0.25, seed=1)))


def test_that_many_labels_are_random() -> None:
    right = PLAN.train[1]
    assert torch.equal(PLAN.labels(dataclasses.replace(HYPER, label_noise=0.0)), right)
    noisy = PLAN.labels(dataclasses.replace(HYPER, label_noise=0.5))
    changed = (noisy != right).double().mean()
    # A random label is right by chance once in as many times as there are classes.
    assert abs(float(changed) - 0.5 * (1 - 1 / CLASSES)) < 0.04
    assert set(noisy.tolist()) == set(range(CLASSES))


def test_programs_are_traced_for_designs_in_use_only() -> None:
    few = ClassifierPlan(some_images(), RECIPE, 2, 3, 5, torch.device("cpu"))
    assert len(few.architectures) == 1
    assert few.architectures[0].num_outputs == CLASSES
    assert np.prod(few.architectures[0].input.type.shape) == 64
