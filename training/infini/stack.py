"""Layers' maps one above the other, so that one product does for all: what training computes of coordinates, with blur and dropout."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .memory import InfiniLayer, feature

NOISE = 0.07
"""Of coordinates: without it the maps learn single questions by heart."""
DROPPED = 0.1
"""Share of KV heads whose findings a step leaves out."""


class Stack:
    """The layers' weights one above the other, so that one product does for all."""

    def __init__(self, layers: list[InfiniLayer]) -> None:
        def stacked(pick) -> Tensor:  # noqa: ANN001
            return torch.stack([pick(own) for own in layers])

        self.config = layers[0].config
        self.key = stacked(lambda own: own.key.weight), stacked(lambda own: own.key.bias)
        self.query = stacked(lambda own: own.query.weight), stacked(lambda own: own.query.bias)
        self.value = stacked(lambda own: own.value.weight), stacked(lambda own: own.value.bias)
        width = self.config.kv_width
        self.scale, self.mean = stacked(lambda own: own.kv_scale[width:]), stacked(lambda own: own.kv_mean[width:])
        self.down, self.up = stacked(lambda own: own.output_down.weight), stacked(lambda own: own.output_up.weight)
        self.gate, self.null = stacked(lambda own: torch.sigmoid(own.gate)), stacked(lambda own: functional.softplus(own.null))

    def keys(self, coordinates: Tensor) -> Tensor:
        """Features [layers, kvHeads, G, N, dim] of [G, N, layers, axes]."""
        return self.heads(feature(mapped(noisy(coordinates), *self.key)))

    def values(self, states: Tensor) -> Tensor:
        states = states.float().permute(2, 0, 1, 3)
        own = states[..., self.config.kv_width :] / self.scale[:, None, None] + self.mean[:, None, None]
        return self.heads(own + torch.einsum("lgnc,loc->lgno", states, self.value[0]) + self.value[1][:, None, None])

    def heads(self, joined: Tensor) -> Tensor:
        return joined.unflatten(-1, (-1, self.config.head_dim)).permute(0, 3, 1, 2, 4)

    def queries(self, coordinates: Tensor) -> Tensor:
        """Features [layers, kvHeads, G, group * N, dim]."""
        made = self.heads(feature(mapped(noisy(coordinates), *self.query)))
        return made.unflatten(1, (self.config.kv_heads, -1)).permute(0, 1, 3, 2, 4, 5).flatten(3, 4)

    def spoken(self, read: Tensor, places: int) -> Tensor:
        """What heads' findings [layers, kvHeads, G, group * N, dim] add to the last residual, [G, N, hidden]."""
        found = read.unflatten(3, (-1, places)).permute(0, 2, 4, 1, 3, 5).flatten(3, 4)  # [layers, G, N, heads, dim]
        # A KV head's query heads go together: one reads what is taken off the others.
        group = self.config.heads // self.config.kv_heads
        kept = (torch.rand(found.shape[:2] + (1, self.config.kv_heads, 1)) > DROPPED).repeat_interleave(group, 3) / (1 - DROPPED)
        gated = (found * kept * self.gate[:, None, None, :, None]).flatten(3)
        return torch.einsum("lgnr,lhr->gnh", torch.einsum("lgnd,lrd->lgnr", gated, self.down), self.up)

    def mass(self, own: Tensor) -> Tensor:
        return (own + self.null[:, :, None])[..., None]


def mapped(coordinates: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[layers, G, N, out] of [G, N, layers, axes]."""
    return torch.einsum("gnla,loa->lgno", coordinates, weight) + bias[:, None, None]


def noisy(coordinates: Tensor) -> Tensor:
    return coordinates.float() + torch.randn(coordinates.shape) * NOISE
