from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scalegmn.collections import COLLECTIONS, collection_named
from scalegmn.collections.inrs import FashionMnistInrs, MnistInrs
from scalegmn.errors import ConfigurationError


@pytest.mark.parametrize("name", COLLECTIONS.names())
def test_collections_can_be_sent_to_other_processes(name: str) -> None:
    collection = collection_named(name)
    assert pickle.loads(pickle.dumps(collection)) == collection


def test_splits_files() -> None:
    assert collection_named("mnist_inrs", splits="s.json") == MnistInrs(splits=Path("s.json"))
    assert collection_named("fashion_mnist_inrs", splits="s.json") == FashionMnistInrs(splits=Path("s.json"))
    with pytest.raises(ConfigurationError, match="no splits file"):
        collection_named("cifar10_inrs", splits="s.json")


def test_unknown_names() -> None:
    with pytest.raises(ConfigurationError, match="mnist_inrs"):
        collection_named("imagenet_inrs")
