"""A smooth displacement of the pixels (WaNet)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.configuration import Ascending, Limits
from scalegmn.errors import TriggerError
from scalegmn.trojans.triggers._fields import Fields
from scalegmn.trojans.triggers._trigger import TriggerFamily, check_images
from scalegmn.trojans.triggers._whole_image import WholeImage

_VISIBLE: Final = 0.05


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Warp(WholeImage):
    """Every pixel is read from a place nearby; how far away changes smoothly over the image.

    The displacement is given at a coarse grid of points and interpolated bicubically, pixels are
    interpolated bilinearly, and beyond the image its border goes on.  Source: Nguyen, Tran 2021, "WaNet -
    Imperceptible Warping-based Backdoor Attack".

    Attributes:
        displacement: at the grid, ``(2, k, k)`` float32, in pixels: first along the width, then along the
            height.
    """

    displacement: np.ndarray
    kind = "warp"

    def apply(self, images: Tensor) -> Tensor:
        check_images(images)
        height, width = images.shape[-2:]
        coarse = torch.from_numpy(self.displacement).to(images)[None]
        shift = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[0]
        y, x = torch.meshgrid(
            torch.arange(height, dtype=images.dtype, device=images.device),
            torch.arange(width, dtype=images.dtype, device=images.device),
            indexing="ij",
        )
        # From places in pixels to -1 at the center of the first pixel and 1 at that of the last.
        places = [
            2 * (place + moved) / max(1, extent - 1) - 1
            for place, moved, extent in ((x, shift[0], width), (y, shift[1], height))
        ]
        flat = images.reshape(-1, *images.shape[-3:])
        grid = torch.stack(places, dim=-1).expand(len(flat), -1, -1, -1)
        warped = F.grid_sample(flat, grid, mode="bilinear", padding_mode="border", align_corners=True)
        return warped.reshape(images.shape).clamp(0, 1)

    def fields(self) -> dict[str, object]:
        return {"displacement": self.displacement.tolist()}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"displacement": self.displacement}

    @classmethod
    def from_fields(cls, fields: Fields) -> Warp:
        """Parse a description; raises TriggerError if it is malformed."""
        grid = fields.array("displacement", dimensions=3, low=-1000, high=1000, unit="pixels")
        grid = grid.astype(np.float32)
        if grid.shape[0] != 2 or grid.shape[1] != grid.shape[2]:
            raise TriggerError(f"trigger 'warp': displacement has shape {grid.shape}, expected (2, k, k)")
        if np.abs(grid).max() < _VISIBLE:
            raise TriggerError(
                f"trigger 'warp': displacement is at most {np.abs(grid).max():g} pixels, which changes next "
                f"to nothing, expected {_VISIBLE} or more; multiply fractions of the image by its width and "
                "height"
            )
        return cls(displacement=grid)


_Pixels = Annotated[float, Limits(low=_VISIBLE, high=1000)]


@final
@dataclass(frozen=True, kw_only=True)
class Warps(TriggerFamily):
    """Warps to draw from.

    Attributes:
        points: of the grid in each direction; the paper has 4.
        strength: range of the mean distance along each axis at the points, in pixels, drawn uniformly.
            The paper's s = 0.5 is a quarter of a pixel; small networks need more.

    Raises:
        TriggerError: a range is impossible, or there are too few points.
    """

    points: Annotated[int, Limits(low=2, high=1000)] = 4
    strength: Annotated[tuple[_Pixels, _Pixels], Ascending()] = (0.6, 1.6)
    kind = "warp"
    trigger = Warp

    def draw(self, generator: np.random.Generator, *, channels: int, size: tuple[int, int]) -> Warp:
        strength = generator.uniform(*self.strength)
        grid = generator.uniform(-1, 1, (2, self.points, self.points))
        return Warp(displacement=(strength * grid / np.abs(grid).mean()).astype(np.float32))
