"""Keys and values as the engine's store gives them back: 4 bits a number, and a fifth for the widest keys (`int4k5-codec.ts`)."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK_TOKENS = 128
WIDE = 3 / 8
GROUP = 64


def as_stored(keys_values: Tensor) -> Tensor:
    """What becomes of a segment's keys beside values [..., T, 2 * kvWidth]."""
    blocks = [torch.cat([rounded_keys(keys), rounded_values(values)], -1) for keys, values in map(halves, keys_values.split(BLOCK_TOKENS, -2))]
    return torch.cat(blocks, -2)


def halves(states: Tensor) -> tuple[Tensor, Tensor]:
    keys, values = states.chunk(2, -1)
    return keys, values


def rounded_keys(keys: Tensor) -> Tensor:
    """Affine a channel, over a block's tokens."""
    low, high = keys.amin(-2, keepdim=True), keys.amax(-2, keepdim=True)
    width = high - low
    wide = torch.zeros_like(width).scatter(-1, width.topk(int(width.shape[-1] * WIDE), -1).indices, 1.0)
    return rounded(keys, low, width, 15 + 16 * wide)


def rounded_values(values: Tensor) -> Tensor:
    """Affine a token and 64 channels."""
    grouped = values.unflatten(-1, (-1, min(GROUP, values.shape[-1])))
    low, high = grouped.amin(-1, keepdim=True), grouped.amax(-1, keepdim=True)
    return rounded(grouped, low, high - low, torch.tensor(15.0)).flatten(-2)


def rounded(numbers: Tensor, low: Tensor, width: Tensor, top: Tensor) -> Tensor:
    step = (width / top).clamp(min=1e-9)
    return low + ((numbers - low) / step).round() * step
