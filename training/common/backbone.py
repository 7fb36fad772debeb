"""The decoder of the Llama family, open where memories reach in: queries, keys and values before rope, residuals by layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Config:
    """Dimensions of a decoder; the names are those of the engine's `ModelConfig`."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    rope_theta: float
    norm_epsilon: float

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim


TINY = Config(4, 32, 4, 2, 8, 64, 96, 10_000.0, 1e-5)
"""Small enough for tests: seconds on one core, no file needed."""


class Projection(nn.Linear):
    """A product in the weights' precision whose input and result are float32."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input.to(self.weight.dtype), self.weight).float()


class RmsNorm(nn.Module):
    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, input: Tensor) -> Tensor:
        return functional.rms_norm(input, self.weight.shape, self.weight, self.epsilon)


def rotate(states: Tensor, positions: Tensor, theta: float) -> Tensor:
    """Rope in half-split order. `states` [..., T, headDim], `positions` [T] or [B, 1, T]."""
    half = states.shape[-1] // 2
    frequencies = theta ** (-torch.arange(half, device=states.device, dtype=torch.float32) / half)
    angles = positions[..., None].float() * frequencies
    cos, sin = angles.cos(), angles.sin()
    first, second = states[..., :half], states[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def attention(query: Tensor, key: Tensor, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Causal attention of [B, heads, T, headDim] over [B, kvHeads, T, headDim], both rotated; float32 [B, heads, T, headDim]."""
    group = query.shape[1] // key.shape[1]
    keys, values = (part.repeat_interleave(group, 1).to(dtype) for part in (key, value))
    return functional.scaled_dot_product_attention(query.to(dtype), keys, values, is_causal=True).float()


class DecoderLayer(nn.Module):
    """One layer, in the parts between which a memory may stand. Residuals are float32 [B, T, hidden]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.attention_norm = RmsNorm(config.hidden, config.norm_epsilon)
        self.qkv = Projection(config.hidden, config.query_width + 2 * config.kv_width)
        self.output = Projection(config.query_width, config.hidden)
        self.feed_forward_norm = RmsNorm(config.hidden, config.norm_epsilon)
        self.gate_up = Projection(config.hidden, 2 * config.intermediate)
        self.down = Projection(config.intermediate, config.hidden)

    def project(self, residual: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, heads, T, headDim], keys and values [B, kvHeads, T, headDim]: before rope."""
        return split_heads(self.qkv(self.attention_norm(residual)), self.config)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, positions: Tensor) -> Tensor:
        """Local causal attention, [B, heads, T, headDim]."""
        theta = self.config.rope_theta
        rotated = rotate(query, positions, theta), rotate(key, positions, theta)
        return attention(*rotated, value, self.qkv.weight.dtype)

    def after_attention(self, residual: Tensor, attended: Tensor) -> Tensor:
        """The residual behind the layer; `attended` [B, heads, T, headDim]."""
        residual = residual + self.output(join_heads(attended))
        return residual + self.feed_forward(self.feed_forward_norm(residual))

    def feed_forward(self, normed: Tensor) -> Tensor:
        gate, up = self.gate_up(normed).chunk(2, -1)
        return self.down(functional.silu(gate) * up)


def split_heads(joined: Tensor, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    """[B, T, queries | keys | values] as three tensors [B, heads, T, headDim]."""
    parts = joined.split([config.query_width, config.kv_width, config.kv_width], -1)
    query, key, value = (part.unflatten(-1, (-1, config.head_dim)).transpose(1, 2) for part in parts)
    return query, key, value


def join_heads(states: Tensor) -> Tensor:
    """[B, heads, T, headDim] as [B, T, heads * headDim]."""
    return states.transpose(1, 2).flatten(-2)


@dataclass
class Run:
    """What a pass leaves: final hidden states, and by layer what was asked for. `residuals[l]` goes into layer l."""

    hidden: Tensor  # [B, T, hidden], after the final norm
    residuals: dict[int, Tensor] = field(default_factory=dict)  # [B, T, hidden]
    queries: dict[int, Tensor] = field(default_factory=dict)  # [B, heads, T, headDim], before rope
    keys: dict[int, Tensor] = field(default_factory=dict)  # [B, kvHeads, T, headDim], before rope
    values: dict[int, Tensor] = field(default_factory=dict)


class Backbone(nn.Module):
    """A whole decoder with tied embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.final_norm = RmsNorm(config.hidden, config.norm_epsilon)

    @classmethod
    def random(cls, config: Config = TINY, seed: int = 0) -> Backbone:
        """A backbone of random weights that are large enough for attention to be uneven."""
        generator = torch.Generator().manual_seed(seed)
        backbone = cls(config)
        for parameter in backbone.parameters():
            if parameter.dim() > 1:
                scale = 1.5 / parameter.shape[-1] ** 0.5
                parameter.data = torch.randn(parameter.shape, generator=generator) * scale
        return backbone.requires_grad_(False)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding(tokens).float()

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., vocabulary] of final hidden states [..., hidden]."""
        weight = self.embedding.weight
        return functional.linear(hidden.to(weight.dtype), weight).float()

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor | None = None,
        residuals_of: Iterable[int] = (),
        projections_of: Iterable[int] = (),
    ) -> Run:
        """Reads `tokens` [B, T]; residuals go by the layer that they enter, that of the last layer's end by `config.layers`."""
        positions = torch.arange(tokens.shape[1], device=tokens.device) if positions is None else positions
        wanted, projected = set(residuals_of), set(projections_of)
        residual = self.embed(tokens)
        run = Run(residual)
        for index, layer in enumerate(self.layers):
            if index in wanted:
                run.residuals[index] = residual
            query, key, value = layer.project(residual)
            if index in projected:
                run.queries[index], run.keys[index], run.values[index] = query, key, value
            residual = layer.after_attention(residual, layer.attend(query, key, value, positions))
        if self.config.layers in wanted:
            run.residuals[self.config.layers] = residual
        run.hidden = self.final_norm(residual)
        return run
