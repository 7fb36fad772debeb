"""LongMem's side network over a frozen backbone (arXiv 2306.07174, section 3).

Side layer l stands for the backbone's layers 2l and 2l + 1 and adds to the residual what the backbone's layers added
(difference residuals). What differs from the paper:

- A side layer is the backbone's layer 2l with a low-rank change, not a free copy: free copies would be ten times what a
  repository should hold, and the engine needs no second set of matrices.
- What a side layer does is multiplied by learned scales that start at 0, so that untrained, and without memory, the network
  *is* the backbone.
- Side layers below the bank's layer see nothing that the backbone did not see: `first_layer` may leave them out, and the
  side network then begins with the backbone's residual there.
- The memory's softmax has one more logit, of a learned key with the value 0: a query that finds nothing of use reads nothing.
- The best of many chunks score high by chance alone: beyond a usual size, the key of value 0 scores higher and the gates close with
  the logarithm of the bank's tokens, each head at its own rate.
- Two side layers read what was retrieved, the first and the last, each with an output matrix of its own. It starts as the map from
  a token's value to the embedding of that token (`value_decoder.py`), so that from the first step on a query that finds
  where its text stood before makes the token there likelier. Reading is in units of the residual's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from common.backbone import Backbone, Config, DecoderLayer, join_heads, split_heads
from torch import Tensor, nn
from torch.nn import functional

from .bank import Found
from .states import TAP_EVERY


CLOSED = -1e9
"""Stands for minus infinity in scores."""
GATE_START = -2.0
"""A gate of 0.12: open enough to learn from."""


@dataclass(frozen=True)
class SideConfig:
    """What training chose; it goes into the shipped file."""

    bank_layer: int
    """The layer of the backbone whose keys and values are kept; even."""
    memory_layers: tuple[int, ...]
    """Side layers that read the memory."""
    first_layer: int
    """The lowest side layer; at most the one that stands for the bank's layer."""
    rank: int = 32
    usual_bank: int = 4096
    """Tokens of a bank up to which all banks are read alike."""


class LowRank(nn.Module):
    """A change of a matrix: up @ down. It starts at 0."""

    def __init__(self, columns: int, rows: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, input: Tensor, dtype: torch.dtype) -> Tensor:
        inner = functional.linear(input.to(dtype), self.down.to(dtype))
        return functional.linear(inner, self.up.to(dtype)).float()


@dataclass
class ReaderStart:
    """Where a memory reader starts from."""

    sink_key: Tensor  # [kvHeads, headDim]: the bank's layer's key of the first token of all
    decoder: Tensor  # [hidden, kvHeads * headDim], from `value_decoder`


class MemoryReader(nn.Module):
    """Attention to what was retrieved: a softmax of its own, a temperature and a gate a head, an output matrix."""

    def __init__(self, config: Config, start: ReaderStart, side: SideConfig) -> None:
        super().__init__()
        self.usual_bank = side.usual_bank
        group, self.head_dim = config.heads // config.kv_heads, config.head_dim
        self.query = LowRank(config.hidden, config.query_width, side.rank)
        self.null_key = nn.Parameter(start.sink_key.repeat_interleave(group, 0))  # [heads, headDim]
        self.null_bias = nn.Parameter(torch.zeros(config.heads))
        self.temperature = nn.Parameter(torch.zeros(config.heads))  # its logarithm; scores are divided by it
        self.gate = nn.Parameter(torch.full((config.heads,), GATE_START))
        # What is added to the null key's score, and taken from the gate's logit, when a bank is e times as large as usual.
        self.null_by_size = nn.Parameter(torch.zeros(config.heads))
        self.gate_by_size = nn.Parameter(torch.zeros(config.heads))
        by_head = start.decoder.unflatten(1, (config.kv_heads, self.head_dim)).repeat_interleave(group, 1)
        self.output = nn.Parameter(by_head.flatten(1).clone())  # [hidden, heads * headDim]

    def read(self, normed: Tensor, query: Tensor, found: Found) -> Tensor:
        """[B, heads, T, headDim], gated; zero where nothing was found. `query` is the frozen backbone's, before rope."""
        dtype = found.keys.dtype
        own = self.query(normed, dtype).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
        scaled = (query + own) * self.head_dim**-0.5 * (-self.temperature).exp()[:, None, None]
        scores = (found.keys @ scaled.to(dtype)[..., None])[..., 0].float()
        scores = scores.masked_fill(~found.valid, CLOSED)
        null_bias = self.null_bias[:, None] + self.excess(found) * self.null_by_size[:, None]
        null = (scaled * self.null_key[:, None]).sum(-1, keepdim=True) + null_bias[..., None]
        weights = torch.cat([null, scores], -1).softmax(-1)[..., 1:]
        read = (weights.to(dtype)[..., None, :] @ found.values)[..., 0, :].float()
        return self.gates(found) * read

    def gates(self, found: Found) -> Tensor:
        """[B, heads, T, 1]; 0 for a text whose bank is empty, which keeps its local attention whole."""
        gate = (self.gate[:, None] - self.excess(found) * self.gate_by_size[:, None]).sigmoid()
        return gate[..., None] * found.valid.any(-1, keepdim=True)

    def excess(self, found: Found) -> Tensor:
        """[B, 1, 1]: the logarithm of how many times as large as usual a bank is, at least 0."""
        return (found.bank_tokens / self.usual_bank).clamp(min=1).log()[:, None, None]


class SideLayer(nn.Module):
    """One side layer; `layer` is the backbone's that it started from, and stays frozen."""

    def __init__(self, layer: DecoderLayer, side: SideConfig, reader: ReaderStart | None) -> None:
        super().__init__()
        config, rank = layer.config, side.rank
        self.frozen = [layer]  # In a list, so that it is no part of this module's state.
        self.attention_norm = nn.Parameter(layer.attention_norm.weight.clone())
        self.feed_forward_norm = nn.Parameter(layer.feed_forward_norm.weight.clone())
        self.qkv = LowRank(config.hidden, config.query_width + 2 * config.kv_width, rank)
        self.output = LowRank(config.query_width, config.hidden, rank)
        self.gate_up = LowRank(config.hidden, 2 * config.intermediate, rank)
        self.down = LowRank(config.intermediate, config.hidden, rank)
        self.attention_scale = nn.Parameter(torch.zeros(config.hidden))
        self.feed_forward_scale = nn.Parameter(torch.zeros(config.hidden))
        self.memory = None if reader is None else MemoryReader(config, reader, side)

    def norm(self, residual: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(residual, weight.shape, weight, self.frozen[0].config.norm_epsilon)

    def forward(self, residual: Tensor, positions: Tensor, query: Tensor, found: Found | None) -> Tensor:
        """[B, T, hidden] behind the layer, without the backbone's difference. `found` is None where the bank is empty."""
        layer = self.frozen[0]
        dtype = layer.qkv.weight.dtype
        normed = self.norm(residual, self.attention_norm)
        parts = split_heads(layer.qkv(normed) + self.qkv(normed, dtype), layer.config)
        attended = layer.attend(*parts, positions)
        read = torch.zeros_like(residual)
        if self.memory is not None and found is not None:
            size = (residual.square().mean(-1, keepdim=True) + layer.config.norm_epsilon).sqrt()
            remembered = join_heads(self.memory.read(normed, query, found))
            read = size * functional.linear(remembered.to(dtype), self.memory.output.to(dtype)).float()
            attended = (1 - self.memory.gates(found)) * attended
        joined = join_heads(attended)
        residual = residual + (layer.output(joined) + self.output(joined, dtype)) * self.attention_scale + read
        normed = self.norm(residual, self.feed_forward_norm)
        gate_part, up = (layer.gate_up(normed) + self.gate_up(normed, dtype)).chunk(2, -1)
        inner = functional.silu(gate_part) * up
        return residual + (layer.down(inner) + self.down(inner, dtype)) * self.feed_forward_scale


class SideNet(nn.Module):
    """The side network; the backbone is held, but is no part of its state."""

    def __init__(self, backbone: Backbone, config: SideConfig, start: ReaderStart) -> None:
        super().__init__()
        self.backbone = [backbone]
        self.config = config
        self.layers = nn.ModuleDict(
            {
                str(index): SideLayer(
                    backbone.layers[TAP_EVERY * index], config, start if index in config.memory_layers else None
                )
                for index in range(config.first_layer, backbone.config.layers // TAP_EVERY)
            }
        )

    def queries(self, residual: Tensor) -> Tensor:
        """The frozen backbone's queries that search the bank; `residual` [B, T, hidden] goes into the bank's layer."""
        return self.backbone[0].layers[self.config.bank_layer].project(residual)[0]

    def forward(self, taps: list[Tensor], positions: Tensor, query: Tensor, found: Found | None) -> Tensor:
        """Final hidden states [B, T, hidden], normed. `taps[i]` [B, T, hidden] goes into layer 2 * (first_layer + i)."""
        residual = taps[0]
        for i, layer in enumerate(self.layers.values()):
            residual = layer(residual, positions, query, found) + (taps[i + 1] - taps[i])
        return self.backbone[0].final_norm(residual)
