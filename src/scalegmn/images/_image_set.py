"""Labeled images in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from scalegmn.errors import ImageSourceError

SPLITS = ("train", "test")


@final
@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labeled images of one size.

    Attributes:
        images: ``(n, H, W)`` or ``(n, H, W, 3)``, uint8.
        labels: ``(n,)``, from 0.
        split: ``(n,)``, ``"train"`` or ``"test"``, as the source states it.
        name: of the source, for records.
        index: ``(n,)``, place of the image within its split of the source; counted if not given.
        class_names: name of each label, where the source names them.

    Raises:
        ImageSourceError: the arrays do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    name: str
    index: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images, labels, split = self.images, np.asarray(self.labels), np.asarray(self.split)
        color = images.ndim == 4 and images.shape[3] == 3
        if images.dtype != np.uint8 or not (images.ndim == 3 or color) or 0 in images.shape[1:]:
            raise ImageSourceError(
                f"{self.name}: images have shape {images.shape} and type {images.dtype}, expected (n, H, W) "
                "or (n, H, W, 3) of uint8 from 0 to 255; multiply values from 0 to 1 by 255 and round them "
                "first"
            )
        if labels.shape != (len(images),) or split.shape != (len(images),):
            raise ImageSourceError(
                f"{self.name}: {len(images)} images, labels of shape {labels.shape} and splits of shape "
                f"{split.shape}; expected one of each per image"
            )
        if labels.size and (not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0):
            raise ImageSourceError(
                f"{self.name}: labels have type {labels.dtype} and begin at {labels.min()}, expected "
                "integers from 0"
            )
        if not np.isin(split, SPLITS).all():
            wrong = sorted(set(split.tolist()) - set(SPLITS))
            raise ImageSourceError(f"{self.name}: unknown splits {wrong}, expected {' or '.join(SPLITS)}")
        index = np.asarray(self.index)
        if not index.size:
            index = np.empty(len(images), np.int64)
            for value in SPLITS:
                index[split == value] = np.arange(np.count_nonzero(split == value))
        if index.shape != (len(images),):
            raise ImageSourceError(f"{self.name}: index of shape {index.shape} for {len(images)} images")
        object.__setattr__(self, "labels", labels.astype(np.int64))
        object.__setattr__(self, "split", split)
        object.__setattr__(self, "index", index)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.images.shape[1]), int(self.images.shape[2])

    @property
    def channels(self) -> int:
        """1 or 3."""
        return 1 if self.images.ndim == 3 else 3

    @property
    def classes(self) -> int:
        """Number of classes, which is one more than the largest label."""
        return len(self.class_names) or (int(self.labels.max()) + 1 if len(self) else 0)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of images, labels and splits, to record what networks were fitted to."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images).tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update((self.split == "train").tobytes())
        return digest.hexdigest()

    def unit(self) -> Tensor:
        """Images from 0 to 1, ``(n, H, W)`` or ``(n, H, W, 3)`` float32."""
        return torch.from_numpy(self.images.astype(np.float32)) / 255

    def subset(self, positions: Sequence[int] | np.ndarray) -> ImageSet:
        """Some of the images; they keep their place in the source."""
        chosen = np.asarray(positions, np.int64)
        return ImageSet(
            self.images[chosen],
            self.labels[chosen],
            self.split[chosen],
            self.name,
            self.index[chosen],
            self.class_names,
        )


def join_splits(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    name: str,
    class_names: tuple[str, ...] = (),
) -> ImageSet:
    """One set from the images and labels of the two splits.

    Raises:
        ImageSourceError: there are no images, or the splits hold images of different sizes.
    """
    if train[0].shape[1:] != test[0].shape[1:]:
        raise ImageSourceError(
            f"{name}: training images have shape {train[0].shape[1:]}, test images {test[0].shape[1:]}; "
            "expected one size"
        )
    for kind, (images, labels) in zip(SPLITS, (train, test), strict=True):
        if labels.shape != (len(images),):
            raise ImageSourceError(
                f"{name}: {len(images)} {kind} images, but labels of shape {labels.shape}; expected one each"
            )
    if not len(train[0]) + len(test[0]):
        raise ImageSourceError(f"{name}: holds no images")
    return ImageSet(
        images=np.concatenate([train[0], test[0]]),
        labels=np.concatenate([train[1], test[1]]),
        split=np.repeat(np.array(SPLITS), [len(train[0]), len(test[0])]),
        name=name,
        class_names=class_names,
    )
