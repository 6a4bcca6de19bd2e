"""Transformers as people write them: heads by reshaping, rotary halves, PyTorch's own layers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded, tokens


class Attention(nn.Module):
    """Four wide, two heads, with biases, and nothing else."""

    def __init__(self, width: int = 4, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.o = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        out = F.softmax(scores, dim=-1) @ v
        return self.o(out.transpose(1, 2).reshape(x.shape))


class CausalSelfAttention(nn.Module):
    """One matrix for queries, keys and values; a mask that is a buffer."""

    def __init__(self, width: int, heads: int, longest: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(longest, longest)).view(1, 1, longest, longest))

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class GPTBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = CausalSelfAttention(width, heads, 16)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 12), nn.GELU(approximate="tanh"), nn.Linear(12, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """The head's matrix is the table of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(11, 8)
        self.wpe = nn.Embedding(16, 8)
        self.blocks = nn.ModuleList([GPTBlock(8, 2) for _ in range(2)])
        self.ln_f = nn.LayerNorm(8)
        self.lm_head = nn.Linear(8, 11, bias=False)
        self.wte.weight = self.lm_head.weight

    def forward(self, idx: Tensor) -> Tensor:
        position = torch.arange(0, idx.shape[1], dtype=torch.long, device=idx.device)
        x = self.wte(idx) + self.wpe(position)
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate(x: Tensor) -> Tensor:
    """Turn each pair of channels by an angle that grows with the position."""
    length, half = x.shape[-2], x.shape[-1] // 2
    frequencies = 100.0 ** (-torch.arange(half, dtype=x.dtype, device=x.device) / half)
    angles = torch.outer(torch.arange(length, dtype=x.dtype, device=x.device), frequencies)
    one, other = x[..., :half], x[..., half:]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((one * cos - other * sin, other * cos + one * sin), dim=-1)


class LlamaBlock(nn.Module):
    """Grouped queries, rotary positions, a gated MLP."""

    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.wq = nn.Linear(width, heads * self.size, bias=False)
        self.wk = nn.Linear(width, kv_heads * self.size, bias=False)
        self.wv = nn.Linear(width, kv_heads * self.size, bias=False)
        self.wo = nn.Linear(heads * self.size, width, bias=False)
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)
        self.attention_norm = RMSNorm(width)
        self.ffn_norm = RMSNorm(width)

    def attention(self, x: Tensor) -> Tensor:
        B, T, _ = x.shape
        q = rotate(self.wq(x).view(B, T, self.heads, self.size).transpose(1, 2))
        k = rotate(self.wk(x).view(B, T, self.kv_heads, self.size).transpose(1, 2))
        v = self.wv(x).view(B, T, self.kv_heads, self.size).transpose(1, 2)
        k = k.repeat_interleave(self.heads // self.kv_heads, dim=1)
        v = v.repeat_interleave(self.heads // self.kv_heads, dim=1)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.transpose(1, 2).reshape(B, T, -1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        h = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(h)) * self.w3(h))


class Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(11, 8)
        self.layer = LlamaBlock(8, heads=2, kv_heads=1, hidden=12)
        self.norm = RMSNorm(8)

    def forward(self, ids: Tensor) -> Tensor:
        return self.norm(self.layer(self.tok_embeddings(ids)))


class EncoderClassifier(nn.Module):
    """PyTorch's own layers behind a table of tokens and fixed sines."""

    def __init__(self, *, norm_first: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(
            8, 2, dim_feedforward=12, batch_first=True, norm_first=norm_first, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
        angles = torch.arange(16)[:, None] * 10.0 ** -torch.arange(4)[None, :]
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], dim=1))
        self.fc = nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids) * math.sqrt(8) + self.positions[: ids.shape[1]]
        return self.fc(self.encoder(x).mean(dim=1))


class Translator(nn.Module):
    """PyTorch's decoder layer: attention to itself with a mask, and to a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.Linear(3, 8)
        self.decoder = nn.TransformerDecoderLayer(8, 2, dim_feedforward=10, batch_first=True)
        self.out = nn.Linear(8, 4)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        memory = self.source(x)
        mask = torch.triu(
            torch.full((y.shape[1],) * 2, float("-inf"), dtype=x.dtype, device=x.device), diagonal=1
        )
        return self.out(self.decoder(self.source(y), memory, tgt_mask=mask))


class LinearAttention(nn.Module):
    """No softmax: positive features of queries and keys, and the keys' sum below the line."""

    def __init__(self) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(4, 18, bias=False)
        self.to_out = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        context = torch.einsum("bnd,bne->bde", k, v)
        below = torch.einsum("bnd,bd->bn", q, k.sum(dim=1)).unsqueeze(-1)
        return x + self.to_out(torch.einsum("bnd,bde->bne", q, context) / below)


IDS = tokens(11, (2, 5), (1, 7), name=None)

ENTRIES = (
    Entry(
        "attention",
        "attention",
        seeded(Attention),
        normals((2, 3, 4), (1, 5, 4)),
    ),
    Entry("gpt", "gpt-2", seeded(GPT), IDS),
    Entry("llama", "llama", seeded(Llama), IDS),
    Entry("encoder", "transformer encoder", seeded(lambda: EncoderClassifier(norm_first=False)), IDS),
    Entry(
        "encoder_norm_first", "transformer encoder", seeded(lambda: EncoderClassifier(norm_first=True)), IDS
    ),
    Entry(
        "translator",
        "transformer decoder",
        seeded(Translator),
        normals(((2, 5, 3), (2, 3, 3)), ((1, 6, 3), (1, 4, 3))),
    ),
    Entry("linear_attention", "linear attention", seeded(LinearAttention), normals((2, 3, 4), (1, 5, 4))),
)
