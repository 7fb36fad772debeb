"""The bank: one layer's keys and values of everything that was read, and the search in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 4
"""Tokens that are found together; a chunk never crosses a segment."""
RETRIEVED = 64
"""Tokens that each query of each head gets."""


@dataclass
class Bank:
    """Rows are padded to whole chunks, segment by segment; padding is not `valid` and holds zeros."""

    keys: Tensor  # [rows, kvHeads, headDim], before rope
    values: Tensor  # [rows, kvHeads, headDim]
    valid: Tensor  # bool [rows]

    @classmethod
    def of(cls, segments: Iterable[tuple[Tensor, Tensor]], kv_heads: int, head_dim: int) -> Bank:
        """Of keys and values [tokens, kvHeads, headDim] by segment."""
        empty = torch.zeros(0, kv_heads, head_dim)
        keys, values, valid = [empty], [empty], [torch.zeros(0, dtype=torch.bool)]
        for key, value in segments:
            padding = -len(key) % CHUNK
            keys.append(functional.pad(key.float(), (0, 0, 0, 0, 0, padding)))
            values.append(functional.pad(value.float(), (0, 0, 0, 0, 0, padding)))
            valid.append(torch.arange(len(key) + padding) < len(key))
        return cls(torch.cat(keys), torch.cat(values), torch.cat(valid))

    def __len__(self) -> int:
        return len(self.keys)

    def __add__(self, other: Bank) -> Bank:
        pairs = (self.keys, other.keys), (self.values, other.values), (self.valid, other.valid)
        return Bank(*(torch.cat(pair) for pair in pairs))

    @property
    def tokens(self) -> int:
        return int(self.valid.sum())

    def part(self, start: int, end: int) -> Bank:
        """Rows of [start, end); both are where chunks begin."""
        return Bank(self.keys[start:end], self.values[start:end], self.valid[start:end])

    def chunk_keys(self) -> Tensor:
        """The mean key of each chunk, [kvHeads, chunks, headDim]."""
        counts = self.valid.view(-1, CHUNK).sum(-1).clamp(min=1)
        sums = self.keys.unflatten(0, (-1, CHUNK)).sum(1)
        return (sums / counts[:, None, None]).transpose(0, 1)

    def search(self, queries: Tensor) -> Tensor:
        """The rows that each query gets, int64 [heads, T, found]: of the chunks whose mean key has the largest product with it.

        `queries` [heads, T, headDim] are the frozen backbone's, before rope.
        """
        chunk_keys = self.chunk_keys()
        count = min(RETRIEVED // CHUNK, chunk_keys.shape[1])
        group = queries.shape[0] // chunk_keys.shape[0]
        scores = queries @ chunk_keys.repeat_interleave(group, 0).transpose(1, 2)
        chunks = scores.topk(count, -1).indices
        return (chunks[..., None] * CHUNK + torch.arange(CHUNK, device=chunks.device)).flatten(-2)


@dataclass
class Found:
    """What was retrieved for a batch; where less was found than room is, the rest is not `valid`."""

    keys: Tensor  # [B, heads, T, RETRIEVED, headDim]
    values: Tensor
    valid: Tensor  # bool [B, heads, T, RETRIEVED]
    bank_tokens: Tensor  # [B]: out of how many it was chosen


def retrieve(banks: list[Bank], queries: Tensor, dtype: torch.dtype) -> Found:
    """For each text of a batch, out of its own bank. `queries` [B, heads, T, headDim] as for `Bank.search`."""
    batch, heads, rows, head_dim = queries.shape
    shape = batch, heads, rows, RETRIEVED
    keys, values = (torch.zeros(*shape, head_dim, dtype=dtype, device=queries.device) for _ in range(2))
    valid = torch.zeros(shape, dtype=torch.bool, device=queries.device)
    for i, bank in enumerate(banks):
        if len(bank) == 0:
            continue
        found = bank.search(queries[i])
        count, group = found.shape[-1], heads // bank.keys.shape[1]
        own_keys, own_values = bank.keys.to(dtype), bank.values.to(dtype)
        for head in range(heads):
            keys[i, head, :, :count] = own_keys[:, head // group][found[head]]
            values[i, head, :, :count] = own_values[:, head // group][found[head]]
        valid[i, :, :, :count] = bank.valid[found]
    return Found(keys, values, valid, torch.tensor([bank.tokens for bank in banks], device=queries.device))
