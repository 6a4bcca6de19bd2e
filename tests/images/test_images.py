"""Sources of images: every format is read right, and everything that is wrong with one is said."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalegmn.errors import ImageSourceError
from scalegmn.images import ImageSet, load_images
from scalegmn.images._cifar10 import read_cifar10

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, 256, (5, 4, 3), np.uint8)
TEST = RNG.integers(0, 256, (2, 4, 3), np.uint8)
TRAIN_LABELS = np.array([3, 0, 1, 1, 2], np.uint8)
TEST_LABELS = np.array([1, 3], np.uint8)


def check_small(images: ImageSet, name: str) -> None:
    """The images above, read from somewhere."""
    assert images.name == name
    np.testing.assert_array_equal(images.images, np.concatenate([TRAIN, TEST]))
    assert images.images.dtype == np.uint8
    assert images.labels.tolist() == [3, 0, 1, 1, 2, 1, 3]
    assert images.split.tolist() == ["train"] * 5 + ["test"] * 2
    assert images.index.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert (len(images), images.size, images.channels, images.classes) == (7, (4, 3), 1, 4)


# Sets


def test_unit_images_and_subsets() -> None:
    images = ImageSet(TRAIN, TRAIN_LABELS, np.array(["train"] * 5), "x")
    unit = images.unit()
    assert unit.dtype == torch.float32
    assert torch.equal(unit, torch.tensor(TRAIN.tolist()) / 255)
    some = images.subset([4, 1])
    np.testing.assert_array_equal(some.images, TRAIN[[4, 1]])
    assert (some.labels.tolist(), some.index.tolist()) == ([2, 0], [4, 1])


def test_index_counts_within_each_split() -> None:
    images = ImageSet(TRAIN, TRAIN_LABELS, np.array(["train", "test", "train", "test", "train"]), "x")
    assert images.index.tolist() == [0, 0, 1, 1, 2]


def test_checksum_depends_on_everything() -> None:
    split = np.array(["train"] * 5)
    same = ImageSet(TRAIN.copy(), TRAIN_LABELS.astype(np.int64), split, "other name")
    others = [
        ImageSet(TRAIN ^ 1, TRAIN_LABELS, split, "x"),
        ImageSet(TRAIN, TRAIN_LABELS + 1, split, "x"),
        ImageSet(TRAIN, TRAIN_LABELS, np.array(["test"] * 5), "x"),
        ImageSet(TRAIN.reshape(5, 3, 4), TRAIN_LABELS, split, "x"),
    ]
    checksum = ImageSet(TRAIN, TRAIN_LABELS, split, "x").checksum
    assert same.checksum == checksum
    assert checksum not in {other.checksum for other in others}


@pytest.mark.parametrize(
    ("images", "labels", "split", "message"),
    [
        (TRAIN / 255, TRAIN_LABELS, ["train"] * 5, "type float64, expected"),
        (TRAIN[0], TRAIN_LABELS, ["train"] * 5, r"shape \(4, 3\)"),
        (np.zeros((5, 4, 3, 4), np.uint8), TRAIN_LABELS, ["train"] * 5, r"shape \(5, 4, 3, 4\)"),
        (np.zeros((5, 0, 3), np.uint8), TRAIN_LABELS, ["train"] * 5, r"shape \(5, 0, 3\)"),
        (TRAIN, TRAIN_LABELS[:4], ["train"] * 5, r"5 images, labels of shape \(4,\)"),
        (TRAIN, TRAIN_LABELS, ["train"] * 4, r"splits of shape \(4,\)"),
        (TRAIN, TRAIN_LABELS - 4.0, ["train"] * 5, "labels have type float64"),
        (TRAIN, TRAIN_LABELS.astype(int) - 1, ["train"] * 5, "begin at -1"),
        (TRAIN, TRAIN_LABELS, ["train", "val"] * 2 + ["x"], r"unknown splits \['val', 'x'\]"),
    ],
)
def test_sets_that_make_no_sense(
    images: np.ndarray, labels: np.ndarray, split: list[str], message: str
) -> None:
    with pytest.raises(ImageSourceError, match=message):
        ImageSet(images, labels, np.array(split), "x")


# Places


def test_digits_need_no_folder() -> None:
    images = load_images("digits")
    assert images.images.shape == (1797, 8, 8)
    assert (images.images.min(), images.images.max(), images.classes) == (0, 255, 10)
    test = images.split == "test"
    assert 0.15 < test.mean() < 0.25
    assert (np.bincount(images.labels[test]) > 20).all()


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImageSourceError, match="pip install scikit-learn"):
        load_images("digits")


def test_no_folder_stated() -> None:
    for source in ("mnist", "npz:x.npz", "folder:x"):
        with pytest.raises(ImageSourceError, match=r"no data folder.*SCALEGMN_DATA.*--folder"):
            load_images(source)


def test_folder_from_option_or_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_npz(tmp_path / "mnist.npz")
    monkeypatch.setenv("SCALEGMN_DATA", str(tmp_path / "elsewhere"))
    check_small(load_images("mnist", folder=tmp_path), "mnist")
    with pytest.raises(ImageSourceError, match=r"no 'mnist.npz' or 'mnist'.*variable SCALEGMN_DATA"):
        load_images("mnist")
    with pytest.raises(ImageSourceError, match=r"elsewhere'.*SCALEGMN_DATA.*does not exist.*option `folder`"):
        load_images("npz:mnist.npz")
    monkeypatch.setenv("SCALEGMN_DATA", str(tmp_path))
    check_small(load_images("mnist"), "mnist")
    check_small(load_images("npz:mnist.npz"), "mnist")
    monkeypatch.delenv("SCALEGMN_DATA")
    check_small(load_images(f"npz:{tmp_path / 'mnist.npz'}"), "mnist")


def test_missing_file_tells_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ImageSourceError, match=r"no 'x\.npz' in .*option `folder` names.*holds notes\.txt"):
        load_images("npz:x.npz", folder=tmp_path)


def test_two_forms_of_one_collection(tmp_path: Path) -> None:
    save_npz(tmp_path / "mnist.npz")
    save_idx(tmp_path / "mnist")
    with pytest.raises(ImageSourceError, match=r"more than once; say which one: 'npz:.*' or 'idx:mnist'"):
        load_images("mnist", folder=tmp_path)
    check_small(load_images("idx:mnist", folder=tmp_path), "mnist")


@pytest.mark.parametrize("source", ["mnits", "npz", "npz:", "", "url:http://x"])
def test_unknown_source(tmp_path: Path, source: str) -> None:
    with pytest.raises(ImageSourceError, match=r"source of images is .*expected one of digits, mnist"):
        load_images(source, folder=tmp_path)
    with pytest.raises(ImageSourceError, match=r"did you mean 'mnist'\?"):
        load_images("mnits", folder=tmp_path)


# npz


def save_npz(path: Path, **changes: np.ndarray) -> None:
    arrays = {
        "train_images": TRAIN,
        "train_labels": TRAIN_LABELS,
        "test_images": TEST,
        "test_labels": TEST_LABELS,
    }
    np.savez(path, **{**arrays, **changes})


def test_color_npz(tmp_path: Path) -> None:
    color = np.random.default_rng(1).integers(0, 256, (7, 4, 3, 3), np.uint8)
    save_npz(tmp_path / "x.npz", train_images=color[:5], test_images=color[5:])
    images = load_images("npz:x.npz", folder=tmp_path)
    np.testing.assert_array_equal(images.images, color)
    assert (images.channels, images.unit().shape) == (3, (7, 4, 3, 3))


def test_npz_of_values_from_0_to_1(tmp_path: Path) -> None:
    shares = {"train_images": TRAIN / 255, "test_images": TEST / 255}
    save_npz(tmp_path / "x.npz", **shares)
    with pytest.raises(ImageSourceError, match=r"type float64, .*multiply values from 0 to 1 by 255"):
        load_images("npz:x.npz", folder=tmp_path)
    save_npz(
        tmp_path / "x.npz", **{name: np.rint(values).astype(np.uint8) for name, values in shares.items()}
    )
    with pytest.raises(ImageSourceError, match=r"largest value of all 7 images is 1, .*multiply by 255"):
        load_images("npz:x.npz", folder=tmp_path)


def test_npz_with_other_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x_train=TRAIN, train_labels=TRAIN_LABELS)
    with pytest.raises(
        ImageSourceError, match=r"lacks \['train_images', 'test_images', 'test_labels'\].*holds \['x_train'"
    ):
        load_images("npz:x.npz", folder=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": TRAIN.astype(np.float32)}, "type float32, expected"),
        ({"test_images": TEST[:, :2]}, r"training images have shape \(4, 3\), test images \(2, 3\)"),
        ({"test_labels": TRAIN_LABELS}, r"2 test images, but labels of shape \(5,\)"),
        (
            {"train_images": TRAIN[:0], "train_labels": TRAIN_LABELS[:0]}
            | {"test_images": TEST[:0], "test_labels": TEST_LABELS[:0]},
            "holds no images",
        ),
        ({"train_labels": np.array([None] * 5)}, "cannot be read as an .npz file of plain arrays"),
    ],
)
def test_npz_of_other_content(tmp_path: Path, changes: dict[str, np.ndarray], message: str) -> None:
    save_npz(tmp_path / "x.npz", **changes)
    with pytest.raises(ImageSourceError, match=message):
        load_images("npz:x.npz", folder=tmp_path)


@pytest.mark.parametrize("damage", [lambda d: d[:-40], lambda d: b"", lambda d: b"text", lambda d: d[:300]])
def test_damaged_npz(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    save_npz(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(damage((tmp_path / "x.npz").read_bytes()))
    with pytest.raises(ImageSourceError, match=r"x\.npz: cannot be read as an \.npz file"):
        load_images("npz:x.npz", folder=tmp_path)


def test_npz_that_is_an_npy_or_a_folder(tmp_path: Path) -> None:
    with (tmp_path / "x.npz").open("wb") as file:
        np.save(file, TRAIN)
    (tmp_path / "y.npz").mkdir()
    for name in ("x", "y"):
        with pytest.raises(ImageSourceError, match=r"cannot be read as an \.npz file"):
            load_images(f"npz:{name}.npz", folder=tmp_path)


# IDX


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


FILES = {
    "train-images-idx3-ubyte": idx(TRAIN),
    "train-labels-idx1-ubyte": idx(TRAIN_LABELS),
    "t10k-images-idx3-ubyte": idx(TEST),
    "t10k-labels-idx1-ubyte": idx(TEST_LABELS),
}


def save_idx(folder: Path, *, compress: bool = False, dots: bool = False) -> None:
    folder.mkdir()
    for name, data in FILES.items():
        name = name.replace("-idx", ".idx") if dots else name
        (folder / (name + ".gz" if compress else name)).write_bytes(gzip.compress(data) if compress else data)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dots", [False, True])
def test_idx(tmp_path: Path, compress: bool, dots: bool) -> None:
    save_idx(tmp_path / "fashion_mnist", compress=compress, dots=dots)
    check_small(load_images("fashion_mnist", folder=tmp_path), "fashion_mnist")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "train-images-idx3-ubyte",
            FILES["train-labels-idx1-ubyte"],
            "begins with 00000801, expected 0{5}803",
        ),
        ("t10k-labels-idx1-ubyte", b"\x00\x00\x0d\x01" + bytes(8), "begins with 00000d01, expected 00000801"),
        ("t10k-labels-idx1-ubyte", b"", "begins with , expected 00000801"),
        ("train-images-idx3-ubyte", idx(TRAIN)[:10], "begins with 00000803"),
        ("train-images-idx3-ubyte", idx(TRAIN)[:-1], r"59 bytes of data, but its header states \[5, 4, 3\]"),
        ("train-images-idx3-ubyte", idx(TRAIN) + b"x", "61 bytes of data"),
        ("train-labels-idx1-ubyte", idx(TRAIN_LABELS[:3]), r"5 train images, but labels of shape \(3,\)"),
    ],
)
def test_damaged_idx(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    save_idx(tmp_path / "mnist")
    (tmp_path / "mnist" / name).write_bytes(data)
    with pytest.raises(ImageSourceError, match=message):
        load_images("mnist", folder=tmp_path)


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-9], lambda d: d[:20], lambda d: b"plain", lambda d: d[:20] + b"\xff" * 20]
)
def test_damaged_gz(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    save_idx(tmp_path / "mnist", compress=True)
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ImageSourceError, match=r"ubyte\.gz: cannot be decompressed .* damaged or truncated"):
        load_images("mnist", folder=tmp_path)


def test_missing_idx(tmp_path: Path) -> None:
    save_idx(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ImageSourceError, match=r"no 't10k-labels-idx1-ubyte' or '.*\.gz' in"):
        load_images("mnist", folder=tmp_path)


# CIFAR-10


def save_cifar10(folder: Path) -> np.ndarray:
    """Two records per file; returns all images as (n, 32, 32, 3)."""
    folder.mkdir()
    images = np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), np.uint8)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    for number, name in enumerate(names):
        pair = images[2 * number : 2 * number + 2]
        records = [bytes([number + i]) + pair[i].transpose(2, 0, 1).tobytes() for i in range(2)]
        (folder / name).write_bytes(b"".join(records))
    return images


def test_cifar10(tmp_path: Path) -> None:
    expected = save_cifar10(tmp_path / "bin")
    images = read_cifar10(tmp_path / "bin", records=2)
    np.testing.assert_array_equal(images.images, expected)
    assert images.labels.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert images.split.tolist() == ["train"] * 10 + ["test"] * 2
    assert (images.class_names[6], images.classes, images.name) == ("frog", 10, "cifar10")


def test_cifar10_of_wrong_size(tmp_path: Path) -> None:
    save_cifar10(tmp_path / "cifar-10-batches-bin")
    with pytest.raises(ImageSourceError, match=r"6146 bytes long, expected 30730000 .10000 records of 3073."):
        load_images("cifar10", folder=tmp_path)
    path = tmp_path / "cifar-10-batches-bin" / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ImageSourceError, match=r"data_batch_4\.bin: is 6145 bytes long, expected 6146"):
        read_cifar10(path.parent, records=2)
    path.unlink()
    with pytest.raises(ImageSourceError, match=r"no 'data_batch_4\.bin' .*unpack cifar-10-binary\.tar\.gz"):
        read_cifar10(path.parent, records=2)


def test_cifar10_with_an_impossible_label(tmp_path: Path) -> None:
    save_cifar10(tmp_path / "bin")
    path = tmp_path / "bin" / "test_batch.bin"
    path.write_bytes(b"\x64" + path.read_bytes()[1:])
    with pytest.raises(ImageSourceError, match=r"test_batch\.bin: holds the label 100, expected 0 to 9"):
        read_cifar10(path.parent, records=2)


# Folders of images


def save_image(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_folder_of_classes(tmp_path: Path) -> None:
    # Ten comes after nine, although "10" comes before "9".
    for position, name in enumerate(["9/b.png", "10/a.png", "9/a.png", "2/x.bmp"]):
        save_image(tmp_path / "pictures" / name, TRAIN[position])
    (tmp_path / "pictures" / "README.txt").touch()
    (tmp_path / "pictures" / "2" / "notes.txt").touch()
    (tmp_path / "pictures" / ".cache").mkdir()
    images = load_images("folder:pictures", folder=tmp_path)
    np.testing.assert_array_equal(images.images, TRAIN[[3, 2, 0, 1]])
    assert images.labels.tolist() == [0, 1, 1, 2]
    assert images.class_names == ("2", "9", "10")
    assert set(images.split) == {"train"}


def test_folder_with_both_splits_and_colors(tmp_path: Path) -> None:
    color = np.random.default_rng(1).integers(0, 256, (4, 3, 3), np.uint8)
    save_image(tmp_path / "train" / "cat" / "1.png", TRAIN[0])
    save_image(tmp_path / "train" / "dog" / "1.PNG", color)
    save_image(tmp_path / "test" / "dog" / "1.png", TEST[0])
    images = load_images(f"folder:{tmp_path}")
    assert images.images.shape == (3, 4, 3, 3)
    np.testing.assert_array_equal(images.images[0], np.stack([TRAIN[0]] * 3, axis=2))
    np.testing.assert_array_equal(images.images[1], color)
    assert images.split.tolist() == ["train", "train", "test"]
    assert (images.labels.tolist(), images.class_names) == ([0, 1, 1], ("cat", "dog"))
    save_image(tmp_path / "test" / "bird" / "1.png", TEST[0])
    with pytest.raises(ImageSourceError, match=r"test images of the classes \['bird'\], but no training"):
        load_images(f"folder:{tmp_path}")


def test_folder_with_different_sizes(tmp_path: Path) -> None:
    save_image(tmp_path / "a" / "1.png", TRAIN[0])
    save_image(tmp_path / "b" / "2.png", TRAIN[1][:, :2])
    with pytest.raises(ImageSourceError, match=r"2\.png: is 4 x 2 pixels, but .*1\.png is 4 x 3; bring all"):
        load_images(f"folder:{tmp_path}")


def test_folder_with_something_unreadable(tmp_path: Path) -> None:
    save_image(tmp_path / "a" / "1.png", TRAIN[0])
    data = (tmp_path / "a" / "1.png").read_bytes()
    for damaged in (b"", b"no image", data[: len(data) // 2]):
        (tmp_path / "a" / "2.png").write_bytes(damaged)
        with pytest.raises(ImageSourceError, match=r"2\.png: cannot be read as an image"):
            load_images(f"folder:{tmp_path}")
    save_image(tmp_path / "a" / "2.png", TRAIN[0].astype(np.uint16) * 200)
    with pytest.raises(ImageSourceError, match=r"2\.png: has pixels of the kind 'I;16', expected 8 bits"):
        load_images(f"folder:{tmp_path}")


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "file.png").touch()
    with pytest.raises(ImageSourceError, match=r"holds no images; expected <class>/<image>"):
        load_images(f"folder:{tmp_path}")
    with pytest.raises(ImageSourceError, match="is not a folder"):
        load_images("folder:file.png", folder=tmp_path)


def test_folder_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_image(tmp_path / "a" / "1.png", TRAIN[0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImageSourceError, match="pip install pillow"):
        load_images(f"folder:{tmp_path}")
