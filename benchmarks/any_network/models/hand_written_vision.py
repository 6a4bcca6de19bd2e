"""Transformers of pictures, and the convolutional network that is built like one."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded


class ViTBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.heads = heads
        self.qkv = nn.Linear(width, width * 3)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 10)
        self.fc2 = nn.Linear(10, width)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attn = ((q * (C // self.heads) ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1)
        x = x + self.proj((attn @ v).transpose(1, 2).reshape(B, N, C))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    """A class token, learned positions; the second form adds a token to distill into and has two heads."""

    def __init__(self, *, distilled: bool = False) -> None:
        super().__init__()
        self.distilled = distilled
        extra = 2 if distilled else 1
        self.patch_embed = nn.Conv2d(3, 8, kernel_size=4, stride=4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, 8)) if distilled else None
        self.pos_embed = nn.Parameter(torch.zeros(1, 4 + extra, 8))
        self.blocks = nn.Sequential(ViTBlock(8, 2))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)
        self.head_dist = nn.Linear(8, 5) if distilled else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        first = [self.cls_token.expand(x.shape[0], -1, -1)]
        if self.dist_token is not None:
            first.append(self.dist_token.expand(x.shape[0], -1, -1))
        x = self.norm(self.blocks(torch.cat([*first, x], dim=1) + self.pos_embed))
        if self.head_dist is not None:
            return (self.head(x[:, 0]) + self.head_dist(x[:, 1])) / 2
        return self.head(x[:, 0])


class WindowBlock(nn.Module):
    """Attention within windows of a shifted map, with a table of relative positions."""

    def __init__(self, width: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm = nn.LayerNorm(width)
        self.attn = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2))
        places = torch.stack(
            torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        ).flatten(1)
        apart = places[:, :, None] - places[:, None, :] + window - 1
        self.register_buffer("index", apart[0] * (2 * window - 1) + apart[1])

    def forward(self, x: Tensor) -> Tensor:
        B, H, W, C = x.shape
        w = self.window
        h = torch.roll(self.norm(x), shifts=(-self.shift, -self.shift), dims=(1, 2))
        h = h.view(B, H // w, w, W // w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, C)
        q, k, v = self.attn(h).chunk(3, dim=-1)
        scores = q @ k.mT / math.sqrt(C) + self.table[self.index]
        h = self.proj(scores.softmax(-1) @ v)
        h = h.view(B, H // w, W // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, H, W, C)
        return x + torch.roll(h, shifts=(self.shift, self.shift), dims=(1, 2))


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 4, 2, stride=2)
        self.block1 = WindowBlock(4, 2, shift=0)
        self.block2 = WindowBlock(4, 2, shift=1)
        self.norm = nn.LayerNorm(16)
        self.merge = nn.Linear(16, 6, bias=False)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.patches(x).permute(0, 2, 3, 1)))
        parts = [x[:, i::2, j::2, :] for j in (0, 1) for i in (0, 1)]
        x = self.merge(self.norm(torch.cat(parts, -1)))
        return self.head(x.mean(dim=(1, 2)))


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 2 * width)
        self.pwconv2 = nn.Linear(2 * width, width)
        self.gamma = nn.Parameter(1e-6 * torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        h = self.dwconv(x).permute(0, 2, 3, 1)
        h = self.pwconv2(F.gelu(self.pwconv1(self.norm(h))))
        return x + (self.gamma * h).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.block = ConvNeXtBlock(4)
        self.down = nn.Conv2d(4, 6, 2, stride=2)
        self.block2 = ConvNeXtBlock(6)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.down(self.block(self.stem(x))))
        return self.head(self.norm(x.mean([-2, -1])))


ENTRIES = (
    Entry("vit", "vit", seeded(ViT), normals((2, 3, 8, 8), (3, 3, 8, 8))),
    Entry("deit", "deit", seeded(lambda: ViT(distilled=True)), normals((2, 3, 8, 8), (3, 3, 8, 8))),
    Entry("swin", "swin", seeded(Swin), normals((2, 3, 8, 8), (1, 3, 8, 16))),
    Entry("convnext", "convnext", seeded(ConvNeXt), normals((2, 3, 16, 16), (1, 3, 24, 24))),
)
