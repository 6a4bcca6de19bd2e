"""Windows of convolutions and pooling: strides, gaps, and what is put around a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor

from ._call import OnnxCall


@final
@dataclass(frozen=True, kw_only=True)
class Windows:
    """Kernel, stride, dilation and padding of each axis after batch and channels.

    Attributes:
        sizes: entries of a window.
        strides: from one window to the next.
        gaps: from one entry of a window to the next.
        before: what is put in front of the map.
        after: what is put behind it.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    gaps: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return len(self.sizes)

    @property
    def even(self) -> bool:
        """Whether the same is put in front and behind."""
        return self.before == self.after

    def padded(self, x: Tensor, value: float) -> Tensor:
        """A map with a number around it."""
        widths = [width for pair in zip(self.before, self.after, strict=True) for width in pair]
        # The last axis comes first.
        flat = [width for axis in range(self.rank) for width in _pair(widths, self.rank - 1 - axis)]
        return F.pad(x, flat, value=value) if any(flat) else x


def windows_of(call: OnnxCall, x: Tensor, sizes: tuple[int, ...]) -> Windows:
    """The windows of a node.

    Args:
        call: the node.
        x: the map, behind batch and channels.
        sizes: entries of a window.
    """
    rank = x.dim() - 2
    if rank not in (1, 2, 3) or len(sizes) != rank:
        raise call.unsupported(f"has a map of {rank} axes and windows of {len(sizes)}", "1, 2 or 3 of both")
    strides = _each(call, "strides", rank)
    gaps = _each(call, "dilations", rank)
    way = call.text("auto_pad", "NOTSET")
    if way in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max(0, (-(-size // stride) - 1) * stride + gap * (window - 1) + 1 - size)
            for size, stride, gap, window in zip(x.shape[2:], strides, gaps, sizes, strict=True)
        ]
        less, more = tuple(total // 2 for total in totals), tuple(total - total // 2 for total in totals)
        before, after = (less, more) if way == "SAME_UPPER" else (more, less)
    else:
        call.only("auto_pad", "NOTSET", "VALID", default="NOTSET")
        pads = (0,) * (2 * rank) if way == "VALID" else tuple(call.integers("pads") or (0,) * (2 * rank))
        if len(pads) != 2 * rank or min(pads) < 0:
            raise call.refusal(f"has pads={pads}", f"{2 * rank} numbers from 0", "export it again")
        before, after = pads[:rank], pads[rank:]
    return Windows(sizes=sizes, strides=strides, gaps=gaps, before=before, after=after)


def _each(call: OnnxCall, name: str, rank: int) -> tuple[int, ...]:
    values = tuple(call.integers(name) or (1,) * rank)
    if len(values) != rank or min(values) < 1:
        raise call.refusal(f"has {name}={values}", f"{rank} numbers from 1", "export it again")
    return values


def _pair(widths: list[int], axis: int) -> list[int]:
    return widths[2 * axis : 2 * axis + 2]
