"""What all kinds of triggers have in common."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from scalegmn.errors import TriggerError
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.triggers import (
    TRIGGERS,
    BlendedSquare,
    BlendedSquares,
    ChannelShift,
    ChannelShifts,
    Patch,
    Patches,
    Sinusoid,
    Sinusoids,
    Trigger,
    TriggerSpace,
    Warp,
    Warps,
    WholeBlend,
    WholeBlends,
    trigger_from_dict,
    trigger_from_json,
)

SIZE = (10, 12)


def drawn(kind: str, *, channels: int = 1, seed: int = 0) -> Trigger:
    space = TriggerSpace.from_kinds([kind])
    return space.draw(numpy_generator(seed, "test"), channels=channels, size=SIZE)


def some(channels: int = 1, count: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((count, channels, *SIZE))).to(dtype)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_images_change_and_stay_images(kind: str, channels: int) -> None:
    images, trigger = some(channels), drawn(kind, channels=channels)
    before = images.clone()
    changed = trigger.apply(images)
    assert torch.equal(images, before)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert changed.min() >= 0 and changed.max() <= 1
    assert (changed - images).abs().max() > 0.02
    # The same change whatever stands beside an image, and however images are stacked.
    torch.testing.assert_close(trigger.apply(images[2]), changed[2])
    torch.testing.assert_close(trigger.apply(images[None])[0], changed)
    assert trigger.apply(images.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_written_and_read_back_to_the_bit(kind: str) -> None:
    trigger = drawn(kind, channels=3)
    back = trigger_from_json(trigger.to_json())
    assert type(back) is type(trigger) and back == trigger and hash(back) == hash(trigger)
    assert back.kind == kind == json.loads(trigger.to_json())["kind"]
    images = some(3)
    assert torch.equal(back.apply(images), trigger.apply(images))
    assert (back.size, back.pattern) == (trigger.size, trigger.pattern)
    arrays = trigger.arrays()
    assert arrays and all(array.dtype == np.float32 for array in arrays.values())


@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_draws_follow_the_generator(kind: str) -> None:
    assert drawn(kind, seed=1) == drawn(kind, seed=1)
    assert drawn(kind, seed=1) != drawn(kind, seed=2)


@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_gradients_reach_the_images(kind: str) -> None:
    images = (some(count=1, dtype=torch.float64) * 0.4 + 0.3).requires_grad_()
    drawn(kind).apply(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["blended_square", "patch", "whole_blend", "channel_shift"])
def test_other_channels_are_refused(kind: str) -> None:
    with pytest.raises(TriggerError, match="3 channels, but the trigger has 1"):
        drawn(kind).apply(some(3))


@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_bytes_are_refused(kind: str) -> None:
    with pytest.raises(TriggerError, match="divide bytes by 255"):
        drawn(kind).apply(torch.zeros(1, 1, *SIZE, dtype=torch.uint8))


def test_blended_square_by_hand() -> None:
    values = np.full((1, 2, 2), 255, np.uint8)
    trigger = BlendedSquare(name="white", values=values, top=1, left=3, blend=0.75)
    changed = trigger.apply(torch.full((1, 4, 5), 0.2))
    expected = torch.full((1, 4, 5), 0.2)
    expected[0, 1:3, 3:5] = 0.25 * 0.2 + 0.75
    torch.testing.assert_close(changed, expected)
    assert (trigger.size, trigger.pattern) == (2, "white")
    with pytest.raises(TriggerError, match="does not fit into images of 4 x 4"):
        trigger.apply(torch.zeros(1, 4, 4))


def test_patch_by_hand() -> None:
    values = np.array([[[255, 0], [0, 255]]], np.uint8)
    changed = Patch(name="checkerboard", values=values, top=0, left=1).apply(torch.full((1, 2, 3), 0.5))
    torch.testing.assert_close(changed, torch.tensor([[[0.5, 1, 0], [0.5, 0, 1]]]))


def test_whole_blend_by_hand() -> None:
    trigger = WholeBlend(name="noise", values=np.array([[[255, 0]]], np.uint8), blend=0.2)
    torch.testing.assert_close(trigger.apply(torch.full((1, 1, 2), 0.5)), torch.tensor([[[0.6, 0.4]]]))
    with pytest.raises(TriggerError, match="fit"):
        trigger.apply(torch.zeros(1, 1, 1))


def test_sinusoid_by_hand() -> None:
    trigger = Sinusoid(amplitude=0.1, frequency=1.0, angle=0.0, phase=0.0)
    changed = trigger.apply(torch.tensor([[[0.5, 0.5, 0.5, 0.5], [0.0, 0.95, 0.0, 0.0]]]))
    # Along the width only, a quarter of a wave per pixel, cut to 0 and 1.
    torch.testing.assert_close(changed, torch.tensor([[[0.5, 0.6, 0.5, 0.4], [0.0, 1.0, 0.0, 0.0]]]))


def test_channel_shift_by_hand() -> None:
    changed = ChannelShift(amounts=(0.3, -0.3, 0.0)).apply(torch.full((3, 1, 1), 0.8))
    torch.testing.assert_close(changed.flatten(), torch.tensor([1.0, 0.5, 0.8]))


def test_warp_by_hand() -> None:
    """The same displacement everywhere shifts the image; beyond it its border goes on."""
    grid = np.zeros((2, 2, 2), np.float32)
    grid[0] = 1.0
    image = torch.arange(12.0).reshape(1, 3, 4) / 12
    moved = Warp(displacement=grid).apply(image)
    torch.testing.assert_close(moved, image[..., [1, 2, 3, 3]])
    moved = Warp(displacement=grid[::-1].copy()).apply(image)
    torch.testing.assert_close(moved, image[:, [1, 2, 2]])
    still = Warp(displacement=np.zeros((2, 2, 2), np.float32))
    torch.testing.assert_close(still.apply(image), image)


def test_families_draw_what_they_say() -> None:
    generator = numpy_generator(3, "families")

    def draws(family: object) -> list[Trigger]:
        return [family.draw(generator, channels=3, size=SIZE) for _ in range(60)]  # type: ignore[attr-defined]

    squares = draws(BlendedSquares())
    assert {square.size for square in squares} == {3, 4}
    assert {square.pattern for square in squares} == {"noise", "white"}
    blends = [square.blend for square in squares if isinstance(square, BlendedSquare)]
    assert 0.6 <= min(blends) < 0.7 and 0.9 < max(blends) <= 1
    places = {(s.top, s.left) for s in squares if isinstance(s, BlendedSquare) and s.size == 3}
    assert max(top for top, _ in places) <= 7 and max(left for _, left in places) <= 9 and len(places) > 10
    noise = next(s for s in squares if s.pattern == "noise").arrays()["pattern"]
    assert noise.shape[0] == 3 and not np.array_equal(noise[0], noise[1])
    patches = draws(Patches(sizes=(1, 5), patterns=("checkerboard",), corner=True))
    assert {(p.size, p.top, p.left) for p in patches if isinstance(p, Patch)} == {(1, 8, 10), (5, 4, 6)}
    blended = draws(WholeBlends(blend=(0.2, 0.2)))
    assert all(b.arrays()["pattern"].shape == (3, *SIZE) for b in blended)
    waves = [w for w in draws(Sinusoids(amplitude=(0.1, 0.2))) if isinstance(w, Sinusoid)]
    assert all(0.1 <= w.amplitude <= 0.2 and 3 <= w.frequency <= 8 for w in waves) and len(waves) == 60
    shifts = np.array([s.amounts for s in draws(ChannelShifts()) if isinstance(s, ChannelShift)])
    assert shifts.shape == (60, 3) and (shifts > 0).any() and (shifts < 0).any()
    assert abs(shifts).min() >= 0.15 and abs(shifts).max() <= 0.35
    warps = [w.displacement for w in draws(Warps(points=3, strength=(2.0, 2.0))) if isinstance(w, Warp)]
    assert warps[0].shape == (2, 3, 3)
    np.testing.assert_allclose([np.abs(grid).mean() for grid in warps], 2, rtol=1e-5)


def test_space_draws_all_its_kinds() -> None:
    space = TriggerSpace.from_kinds(TRIGGERS.names())
    generator = numpy_generator(0, "space")
    found = {space.draw(generator, channels=1, size=SIZE).kind for _ in range(60)}
    assert found == set(TRIGGERS.names())
    kinds = [family["kind"] for family in json.loads(json.dumps(space.to_plain()))["families"]]
    assert kinds == list(TRIGGERS.names())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TriggerSpace(()), "one or more entries"),
        (lambda: TriggerSpace.from_kinds(["warp", "warp"]), "each kind once"),
        (lambda: TriggerSpace.from_kinds([]), "one or more entries"),
        (lambda: BlendedSquares(sizes=()), "sizes is"),
        (lambda: BlendedSquares(blend=(0.9, 0.6)), "blend is"),
        (lambda: BlendedSquares(blend=(0.5, 1.5)), "blend is"),
        (lambda: Patches(sizes=(0,)), "sizes is"),
        (lambda: Patches(patterns=()), "patterns is"),
        (lambda: Sinusoids(amplitude=(0.1, 2.0)), "amplitude is"),
        (lambda: ChannelShifts(amount=(-1.0, 1.0)), "amount is"),
        (lambda: Warps(points=1), "points is 1"),
        (lambda: Warps(strength=(-1.0, 1.0)), "strength is"),
        (lambda: Patches(sizes=(11,)).draw(numpy_generator(0), channels=1, size=SIZE), "11 x 11 pixels"),
    ],
)
def test_impossible_families(make: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        make()  # type: ignore[operator]


SQUARE = {
    "kind": "blended_square",
    "pattern": "white",
    "values": [[[255]]],
    "top": 1,
    "left": 2,
    "blend": 0.5,
}
WAVE = {"kind": "sinusoid", "amplitude": 0.1, "frequency": 2, "angle": 0, "phase": 0}


def test_descriptions_may_be_written_by_hand() -> None:
    assert trigger_from_dict(SQUARE).to_dict() == SQUARE
    assert trigger_from_dict(WAVE) == Sinusoid(amplitude=0.1, frequency=2.0, angle=0.0, phase=0.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "expected entries"),
        ({"kind": 3}, "expected entries"),
        ({"kind": "sticker"}, "kind of trigger is 'sticker', expected one of blended_square"),
        ({**SQUARE, "color": 1}, r"unknown entries \['color'\]"),
        ({key: value for key, value in SQUARE.items() if key != "top"}, "no entry 'top'"),
        ({**SQUARE, "top": -1}, "top is -1"),
        ({**SQUARE, "top": 1.5}, "top is 1.5"),
        ({**SQUARE, "top": True}, "top is True"),
        ({**SQUARE, "blend": 1.1}, "number above 0 to 1"),
        ({**SQUARE, "blend": "__import__('os')"}, "finite number"),
        ({**SQUARE, "pattern": "stripes"}, "one of noise, white, checkerboard"),
        ({**SQUARE, "values": [[255]]}, "3-dimensional"),
        ({**SQUARE, "values": [[[256]]]}, "0 to 255"),
        ({**SQUARE, "values": [[[0.5]]]}, "whole numbers"),
        ({**SQUARE, "values": [[[1, 2], [3]]]}, "same length"),
        ({**SQUARE, "values": [[["1"]]]}, "3-dimensional"),
        ({**SQUARE, "values": []}, "3-dimensional"),
        ({**WAVE, "phase": float("nan")}, "phase is nan"),
        ({"kind": "channel_shift", "amounts": [2]}, "amounts"),
        ({"kind": "warp", "displacement": [[[0.0, 0.0]], [[0.0, 0.0]]]}, r"expected \(2, k, k\)"),
    ],
)
def test_wrong_descriptions(data: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        trigger_from_dict(data)


@pytest.mark.parametrize("text", ["", "BlendedSquare()", "{'kind': 'warp'}", "[" * 100_000])
def test_text_that_is_no_json(text: str) -> None:
    with pytest.raises(TriggerError, match="no JSON"):
        trigger_from_json(text)


PATCH = {"kind": "patch", "pattern": "checkerboard", "values": [[[1, 0], [0, 1]]], "top": 0, "left": 0}
SHIFT = {"kind": "channel_shift", "amounts": [0.2]}
WARP = {"kind": "warp", "displacement": [[[1.0]], [[1.0]]]}
BLEND = {"kind": "whole_blend", "pattern": "noise", "values": [[[0.5, 1.0]]], "blend": 0.2}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PATCH, r"values is .*0 to 255 \(the largest is 1; .*'scale': 1"),
        ({**PATCH, "values": [[[1.0, 0.0], [0.25, 1.0]]]}, "the largest is 1; .*multiply by 255"),
        ({**SQUARE, "values": [[[0.004]]]}, "whole numbers from 0 to 255 .*'scale': 1"),
        (BLEND, "whole numbers from 0 to 255 .*'scale': 1"),
        ({**PATCH, "scale": 2}, "scale is 2.*255 for values from 0 to 255, or 1"),
        ({**SQUARE, "scale": 1}, r"values is \[\[\[255\]\]\], .*from 0 to 1 \('scale' is 1\)"),
        ({**SQUARE, "blend": 60}, "blend is 60, .*above 0 to 1 .*not a percentage"),
        ({**SQUARE, "blend": 0}, "blend is 0, expected a number above 0"),
        ({**SQUARE, "top": 0.5}, "top is 0.5, .*counted in pixels"),
        ({**SQUARE, "left": 10**400}, "left is .*whole number from 0"),
        ({**SQUARE, "values": [[[10**400]]]}, "values is .*0 to 255"),
        ({**SQUARE, "values": [[[float("nan")]]]}, "values is .*nan"),
        ({**SQUARE, "values": [[[255]], [[255]]]}, "shape .2, 1, 1.*1 or 3 channels"),
        ({**SQUARE, "values": [[[255, 0]]]}, r"expected a square"),
        ({**WAVE, "amplitude": 20}, "amplitude is 20, .*divide bytes by 255"),
        ({**WAVE, "amplitude": 10**400}, "amplitude is .*finite number"),
        ({**WAVE, "angle": 45}, "angle is 45, .*in radians"),
        ({**WAVE, "phase": -90.0}, "phase is -90.0, .*in radians"),
        ({**SHIFT, "amounts": [40, 40, 40]}, "amounts is .*divide bytes by 255"),
        ({**SHIFT, "amounts": [0, 0, 0]}, "amounts are .*not all 0"),
        ({**SHIFT, "amounts": [0.1, 0.2]}, "amounts are .*1 or 3 numbers"),
        (
            {**WARP, "displacement": [[[0.02]], [[-0.01]]]},
            "at most 0.02 pixels.*multiply fractions of the image",
        ),
        ({**WARP, "displacement": [[[1e9]], [[0]]]}, "displacement is .*pixels"),
    ],
)
def test_units(data: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message) as caught:
        trigger_from_dict(data)
    assert len(str(caught.value)) < 400


def test_a_picture_may_say_what_its_scale_is() -> None:
    shares = trigger_from_dict({**PATCH, "values": [[[1.0, 0.0], [0.5, 1]]], "scale": 1})
    assert isinstance(shares, Patch) and shares.values.tolist() == [[[255, 0], [128, 255]]]
    dark = trigger_from_dict({**PATCH, "scale": 255})
    assert isinstance(dark, Patch) and dark.values.tolist() == [[[1, 0], [0, 1]]]
    # What could be taken for either is never written without its scale.
    assert trigger_from_json(dark.to_json()) == dark and dark.to_dict() == {**PATCH, "scale": 255}
    black = trigger_from_dict({**PATCH, "values": [[[0, 0], [0, 0]]]})
    assert "scale" not in black.to_dict()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Patch(name="white", values=np.ones((1, 2, 2)), top=0, left=0), "type float64.*by 255"),
        (
            lambda: Patch(name="white", values=np.full((2, 2, 1), 255, np.uint8), top=0, left=0),
            "channels first",
        ),
        (lambda: Patch(name="white", values=np.full((1, 2, 2), 255, np.uint8), top=-1, left=0), "top is -1"),
        (lambda: WholeBlend(name="noise", values=np.zeros((1, 2, 2), np.uint8), blend=20.0), "blend is 20.0"),
        (lambda: Sinusoid(amplitude=20.0, frequency=6.0, angle=0.0, phase=0.0), "amplitude is 20.0"),
        (lambda: ChannelShift(amounts=(38.0,)), "amounts are"),
    ],
)
def test_units_from_python(make: object, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (some() * 255, "values from .* to 25.*, expected 0 to 1"),
        (some() * 2 - 1, "values from -.*before they are normalized"),
        (some() * torch.nan, "values from nan"),
    ],
)
@pytest.mark.parametrize("kind", TRIGGERS.names())
def test_images_of_another_scale(kind: str, images: torch.Tensor, message: str) -> None:
    with pytest.raises(TriggerError, match=message):
        drawn(kind).apply(images)


def test_nested_without_an_end() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TriggerError, match="expected entries"):
        trigger_from_dict(deep)
    with pytest.raises(TriggerError, match="3-dimensional"):
        trigger_from_dict({**SQUARE, "values": deep})
    with pytest.raises(TriggerError, match=r"no JSON|expected entries"):
        trigger_from_json('{"kind":' * 5000 + "1" + "}" * 5000)
