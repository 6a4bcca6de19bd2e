from __future__ import annotations

import numpy as np
import pytest

from scalegmn.editing.edits import Blur, Dilation, edit_called, edit_names, register_edit
from scalegmn.editing.edits import _registry as registry
from scalegmn.errors import ConfigurationError

IMAGES = np.linspace(0, 1, 60, dtype=np.float32).reshape(5, 4, 3)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.EDITS, "_entries", dict(registry.EDITS._entries))


def test_names_and_parameters() -> None:
    assert set(edit_names()) == {
        "dilation",
        "erosion",
        "gradient",
        "contrast",
        "brightness",
        "blur",
        "sharpening",
        "rotation",
    }
    for name in edit_names():
        assert edit_called(name).name == name
    assert edit_called("dilation", {"size": 5.0}) == Dilation(size=5)
    assert edit_called("blur", {"sigma": 2}) == Blur(sigma=2.0)


@pytest.mark.parametrize(
    ("name", "parameters", "word"),
    [
        ("dilatoin", {}, "did you mean 'dilation'"),
        ("sepia", {}, "register_edit"),
        ("dilation", {"radius": 2}, "unknown parameters radius; there are size, iterations"),
        ("dilation", {"size": 3.5}, "expected a whole number"),
        ("dilation", {"size": float("inf")}, "expected a whole number"),
        ("dilation", {"size": True}, "expected a whole number"),
        ("blur", {"sigma": "much"}, "expected a number"),
        ("dilation", {"size": 4}, "odd"),
    ],
)
def test_mistakes(name: str, parameters: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        edit_called(name, parameters)


def negative(images: np.ndarray) -> np.ndarray:
    return 1 - images


def test_any_function() -> None:
    registered = register_edit(name="negative", function=negative)
    assert register_edit(name="negative", function=negative) == registered
    edit = edit_called("negative")
    np.testing.assert_array_equal(edit(IMAGES), 1 - IMAGES)
    assert edit(IMAGES.astype(np.float64)).dtype == np.float32
    with pytest.raises(ConfigurationError, match="it has none"):
        edit_called("negative", {"factor": 1})
    with pytest.raises(ConfigurationError, match=r"'negative' is there already"):
        register_edit(name="negative", function=np.square)
    with pytest.raises(ConfigurationError, match="is there already"):
        register_edit(name="dilation", function=negative)
    with pytest.raises(ConfigurationError, match="expected letters, digits"):
        register_edit(name="not a name", function=negative)


def test_images_are_handed_out_in_portions_and_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.editing.edits._image_edit._PORTION", 2)
    sizes = []

    def noted(images: np.ndarray) -> np.ndarray:
        sizes.append(len(images))
        return images**2

    np.testing.assert_array_equal(register_edit(name="noted", function=noted)(IMAGES), IMAGES**2)
    assert sizes == [2, 2, 1]


def test_the_images_themselves_stay() -> None:
    def in_place(images: np.ndarray) -> np.ndarray:
        images *= 0
        return images

    before = IMAGES.copy()
    assert (register_edit(name="in_place", function=in_place)(IMAGES) == 0).all()
    np.testing.assert_array_equal(IMAGES, before)


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda images: images[:, :2], r"shape \(5, 2, 3\)"),
        (lambda images: images[1:], r"shape \(4, 4, 3\)"),
        (lambda images: 0.5, r"shape \(\)"),
        (lambda images: np.where(images > 0.5, np.nan, images), "NaN"),
        (lambda images: images / np.float32(1e-45) * 1e30, "infinite"),
        (lambda images: images.astype(str), "expected finite numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_gives_no_images_is_refused(function: object, word: str) -> None:
    edit = register_edit(name="odd_one", function=function)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=f"'odd_one'.*{word}"):
        edit(IMAGES)


@pytest.mark.parametrize("images", [np.zeros((4, 4)), np.zeros((2, 4, 4), np.uint8)])
def test_what_are_no_images_is_refused(images: np.ndarray) -> None:
    with pytest.raises(ConfigurationError, match=r"'blur'.*expected"):
        Blur()(images)
