from __future__ import annotations

import re

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.metrics import neighbor_agreement
from scalegmn.seeding import numpy_generator


def test_counts_by_hand() -> None:
    vectors = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0], [9.0, 0.0]])
    found = neighbor_agreement(vectors, np.array([0, 0, 1, 1]), neighbors=2)
    # Of the first: 1 and 2; of the second: 0 and 2; of the third: 1 and 0; of the last: 0 and 1.
    assert found.share == (1 / 2 + 1 / 2 + 0 + 0) / 4
    assert found.chance == pytest.approx(1 / 3)
    assert (found.networks, found.neighbors) == (4, 2)


def test_as_many_as_a_plain_search_finds() -> None:
    random = numpy_generator(0, "neighbors")
    vectors, classes = random.normal(size=(700, 3)), random.integers(4, size=700)
    vectors[:, 0] += classes
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :10]
    found = neighbor_agreement(vectors, classes)
    assert found.share == pytest.approx((classes[near] == classes[:, None]).mean())
    low, high = found.interval or (0, 0)
    assert found.chance < low < found.share < high


def test_random_vectors_are_at_chance_and_those_of_classes_at_one() -> None:
    random = numpy_generator(1, "neighbors")
    classes = random.integers(3, size=400)
    noise = neighbor_agreement(random.normal(size=(400, 5)), classes)
    assert abs(noise.share - noise.chance) < 0.05
    assert neighbor_agreement(10.0 * np.eye(3)[classes] + random.normal(size=(400, 3)), classes).share == 1


def test_networks_of_one_group_are_no_neighbors() -> None:
    """Two fits of each image lie together; what they say of each other is not about the class."""
    random = numpy_generator(2, "neighbors")
    images = np.repeat(random.normal(size=(200, 4)), 2, axis=0)
    classes = np.repeat(random.integers(2, size=200), 2)
    vectors = images + 1e-3 * random.normal(size=images.shape)
    apart = neighbor_agreement(vectors, classes, groups=np.arange(400) // 2, neighbors=1)
    assert neighbor_agreement(vectors, classes, neighbors=1).share == 1
    assert abs(apart.share - 0.5) < 0.15


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"classes": np.zeros(4)}, "4 networks have 1 class, expected at least two"),
        ({"neighbors": 4}, "neighbors is 4, expected 1 to 3"),
        ({"neighbors": 0}, "neighbors is 0, expected 1 to 3"),
        ({"groups": np.array([0, 0, 0, 1]), "neighbors": 2}, "expected 1 to 1"),
        ({"classes": np.arange(3)}, "3 classes and 4 groups; expected one of each"),
        ({"vectors": np.full((4, 2), np.nan)}, "not finite"),
    ],
)
def test_what_has_no_neighbors_is_refused(changes: dict[str, object], match: str) -> None:
    given: dict[str, object] = {
        "vectors": np.zeros((4, 2)),
        "classes": np.array([0, 1, 0, 1]),
        "neighbors": 1,
    }
    with pytest.raises(ConfigurationError, match=re.escape(match)):
        neighbor_agreement(**(given | changes))  # type: ignore[arg-type]
