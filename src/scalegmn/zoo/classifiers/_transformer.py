"""Small vision transformers (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words")."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from scalegmn.configuration import Depth, Width

from ._design import ActivationName, Classifier, ClassifierDesign, activation_module


@final
@dataclass(frozen=True, kw_only=True)
class TransformerDesign(ClassifierDesign):
    """Patches, learned positions, blocks with layer norm before attention and before the MLP.

    Attributes:
        width: features of a token.
        depth: blocks.
        heads: of the attention.
        patch: height and width of a patch.
        stride: between patches; less than `patch` where they overlap.
        hidden: width of the MLPs.
        activation: of the MLPs.
        class_token: the answer is read from a token of its own; otherwise from the mean of all.
    """

    width: Width = 16
    depth: Depth = 2
    heads: Width = 2
    patch: Width = 7
    stride: Width = 7
    hidden: Width = 32
    activation: ActivationName = "gelu"
    class_token: bool = False
    family = "vit"

    def contradictions(self) -> Iterator[str]:
        if self.width % self.heads:
            yield f"width is {self.width} and heads is {self.heads}, expected a multiple of heads as width"

    @property
    def label(self) -> str:
        read = "class" if self.class_token else "mean"
        sizes = f"w{self.width}-d{self.depth}-h{self.heads}-p{self.patch}s{self.stride}-m{self.hidden}"
        return f"vit-{sizes}-{self.activation}-{read}"

    def columns(self) -> Mapping[str, int | str]:
        return {
            "activation": self.activation,
            "normalization": "layer",
            "depth": self.depth,
            "width": self.width,
        }

    def module(self, *, channels: int, size: int, classes: int) -> Classifier:
        return TransformerClassifier(self, channels=channels, size=size, classes=classes)


@final
class SelfAttention(nn.Module):
    """Attention of every token to all, with several heads."""

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, tokens, width)`` for tokens of the same shape."""
        query, key, value = (
            part(x).unflatten(2, (self._heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        weights = (query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])).softmax(dim=-1)
        y: Tensor = self.output((weights @ value).transpose(1, 2).flatten(2))
        return y


@final
class PreNormBlock(nn.Module):
    """Attention and an MLP, each behind a layer norm and added to its input."""

    def __init__(self, design: TransformerDesign) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(design.width)
        self.attention = SelfAttention(width=design.width, heads=design.heads)
        self.mlp_norm = nn.LayerNorm(design.width)
        self.mlp = nn.Sequential(
            nn.Linear(design.width, design.hidden),
            activation_module(design.activation),
            nn.Linear(design.hidden, design.width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, tokens, width)`` for tokens of the same shape."""
        x = x + self.attention(self.attention_norm(x))
        y: Tensor = x + self.mlp(self.mlp_norm(x))
        return y


@final
class TransformerClassifier(Classifier):
    """The module of :class:`TransformerDesign`."""

    def __init__(self, design: TransformerDesign, *, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, design.width, design.patch, design.stride)
        side = max(0, (size - design.patch) // design.stride + 1)
        self.token = nn.Parameter(torch.zeros(1, 1, design.width)) if design.class_token else None
        self.positions = nn.Parameter(torch.zeros(1, side**2 + design.class_token, design.width))
        self.blocks = nn.Sequential(*(PreNormBlock(design) for _ in range(design.depth)))
        self.norm = nn.LayerNorm(design.width)
        self.head = nn.Linear(design.width, classes)

    def features(self, images: Tensor) -> Tensor:
        tokens: Tensor = self.patches(images).flatten(2).transpose(1, 2)
        if self.token is not None:
            tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = self.norm(self.blocks(tokens + self.positions))
        return tokens.mean(dim=1) if self.token is None else tokens[:, 0]
