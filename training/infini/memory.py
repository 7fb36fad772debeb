"""The compressive memory of Infini-attention: what a layer writes, what it reads, and the backbone that reads it.

Shapes: a memory is (M, z) with M [..., kvHeads, headDim, headDim] and z [..., kvHeads, headDim], float32. Keys and values are the
layer's own, before rope, as the engine's store has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from common.backbone import Backbone, Config, join_heads, rotate

Memory = tuple[Tensor, Tensor]


def feature(states: Tensor) -> Tensor:
    """ELU + 1 (Katharopoulos et al. 2020)."""
    return functional.elu(states) + 1


def write_linear(memory: Memory, keys: Tensor, values: Tensor) -> Memory:
    """The linear rule: `keys` (features) and `values` [..., kvHeads, T, headDim] are added."""
    matrix, mass = memory
    return matrix + keys.transpose(-1, -2) @ values, mass + keys.sum(-2)


def write_delta(memory: Memory, keys: Tensor, values: Tensor) -> Memory:
    """The delta rule: what the memory already gives for a key is taken off before the value is added. One segment at a time."""
    matrix, mass = memory
    known = keys @ matrix / (keys @ mass[..., None]).clamp(min=1e-6)
    return write_linear(memory, keys, values - known)


DECAY = 0.85
"""Of a trail, a token: a name is still in it at the last digit of its value."""


def trail(states: Tensor) -> Tensor:
    """The decaying sum of what came before, [..., T, C] like `states`, as large as these where they are independent."""
    count = states.shape[-2]
    steps = torch.arange(count)
    weights = torch.where(steps[:, None] >= steps, DECAY ** (steps[:, None] - steps).clamp(min=0).float(), 0.0)
    return weights @ states * (1 - DECAY**2) ** 0.5


class InfiniLayer(nn.Module):
    """One layer's maps and gates.

    An address is written for the token *before* a value (a shift of one, as associative recall needs: Arora et al. 2023, "Zoology"):
    it is made like the query that will look for what comes next, of the state there and of the trail of those before it, as a digit's own
    state hardly tells whose value it belongs to. `null` is mass that lies in the memory from the start; its value is
    local attention, so that a query which nothing answers, or an empty memory, changes nothing.
    """

    def __init__(self, config: Config, rank: int = 64, gate: float = -0.5) -> None:
        super().__init__()
        kv, width, dim = config.kv_width, config.query_width, config.head_dim
        self.config = config
        self.key = nn.Linear(4 * kv, kv)
        self.value = nn.Linear(2 * kv, kv)
        self.query = nn.Linear(2 * width, width)
        self.output_down = nn.Linear(width, rank, bias=False)
        self.output_up = nn.Linear(rank, config.hidden, bias=False)
        self.gate = nn.Parameter(torch.full((config.heads,), gate))
        self.null = nn.Parameter(torch.zeros(config.kv_heads, dim))
        for weight in (self.value.weight, self.value.bias, self.output_up.weight, self.query.bias, self.key.bias):
            nn.init.zeros_(weight)
        nn.init.constant_(self.key.bias, -1.0)
        nn.init.constant_(self.query.bias, -1.0)
        for name, size in (("kv_mean", 2 * kv), ("query_mean", width)):
            self.register_buffer(name, torch.zeros(size))
        for name, size in (("kv_scale", 2 * kv), ("query_scale", width)):
            self.register_buffer(name, torch.ones(size))

    def standard(self, keys_values: Tensor) -> Tensor:
        """Keys beside values [..., 2 * kvWidth], each channel with mean 0 and deviation 1 over ordinary code."""
        return (keys_values - self.kv_mean) * self.kv_scale

    def standard_queries(self, query: Tensor) -> Tensor:
        """Un-rotated queries [..., T, queryWidth], standardised, beside their trail."""
        standard = (query - self.query_mean) * self.query_scale
        return torch.cat([standard, trail(standard)], -1)

    def entries(self, keys_values: Tensor) -> tuple[Tensor, Tensor]:
        """What a run of tokens [..., T, 2 * kvWidth] writes: key features and values [..., kvHeads, T - 1, headDim]."""
        standard = self.standard(keys_values)
        keys = product(self.key, torch.cat([standard, trail(standard)], -1)[..., :-1, :])
        own = keys_values[..., 1:, self.config.kv_width :]
        values = own + product(self.value, standard[..., 1:, :])
        return feature(self.split(keys)), self.split(values)

    def split(self, joined: Tensor) -> Tensor:
        return joined.unflatten(-1, (-1, self.config.head_dim)).transpose(-2, -3)

    def addresses(self, query: Tensor) -> Tensor:
        """Query features [B, heads, T, headDim] of what `standard_queries` gives."""
        return feature(self.split(product(self.query, query)))

    def read(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """What the heads read [B, heads, T, headDim], and the share of it that is memory and not null [B, heads, T, 1]."""
        matrix, mass = memory
        heads = self.config.heads // self.config.kv_heads
        features = self.addresses(self.standard_queries(query))
        folded = features.unflatten(1, (-1, heads)).flatten(2, 3)
        found = folded @ mass[..., None]
        whole = found + folded @ functional.softplus(self.null)[..., None] + 1e-6
        shape = (features.shape[0], self.config.heads, -1, features.shape[-1])
        return (folded @ matrix / whole).reshape(shape), (found / whole).reshape(*shape[:2], -1, 1)


def product(linear: nn.Linear, states: Tensor) -> Tensor:
    """In bfloat16 where it pays; the result is float32."""
    dtype = torch.bfloat16 if MIXED else torch.float32
    return functional.linear(states.to(dtype), linear.weight.to(dtype)).float() + (0 if linear.bias is None else linear.bias)


MIXED = True
"""Whether maps run in bfloat16, as the training's; tests and references turn it off."""


@dataclass
class Prefix:
    """Keys (before rope) and values [kvHeads, P, headDim] of the tokens that every text stands behind, by layer."""

    keys: list[Tensor]
    values: list[Tensor]

    @property
    def length(self) -> int:
        return self.keys[0].shape[1]


class InfiniModel(nn.Module):
    """A frozen backbone whose layers `layers` read a memory."""

    def __init__(self, backbone: Backbone, layers: list[int], prefix: list[int], rank: int = 64) -> None:
        super().__init__()
        self.config = backbone.config
        self.layer_numbers = layers
        self.infini = nn.ModuleDict({str(layer): InfiniLayer(backbone.config, rank) for layer in layers})
        self.backbone = [backbone]
        self.prefix = encode_prefix(backbone, prefix)

    @property
    def frozen(self) -> Backbone:
        return self.backbone[0]

    def at(self, layer: int) -> InfiniLayer:
        found = self.infini[str(layer)]
        assert isinstance(found, InfiniLayer)
        return found

    def below(self, tokens: Tensor) -> Tensor:
        """The residual that enters the first layer with a memory, of `tokens` [B, T] behind the prefix."""
        with torch.no_grad():
            return self.layers(self.frozen.embed(tokens), range(self.layer_numbers[0]), {})

    def above(self, residual: Tensor, memories: dict[int, Memory]) -> Tensor:
        """Final hidden states from where `below` ends; `memories` by layer, one for each row; a layer that has none reads none."""
        residual = self.layers(residual, range(self.layer_numbers[0], self.config.layers), memories)
        return self.frozen.final_norm(residual)

    def forward(self, tokens: Tensor, memories: dict[int, Memory]) -> Tensor:
        return self.above(self.below(tokens), memories)

    def layers(self, residual: Tensor, numbers: range, memories: dict[int, Memory]) -> Tensor:
        theta, past = self.config.rope_theta, self.prefix.length
        count = residual.shape[1]
        positions = torch.arange(past + count)
        closed = torch.ones(count, past + count, dtype=torch.bool).tril(past)
        for number in numbers:
            layer = self.frozen.layers[number]
            query, key, value = layer.project(residual)
            every = torch.cat([self.prefix.keys[number].expand(len(residual), -1, -1, -1), key], 2)
            values = torch.cat([self.prefix.values[number].expand(len(residual), -1, -1, -1), value], 2)
            turned = rotate(query, positions[past:], theta), rotate(every, positions, theta)
            local = masked_attention(*turned, values, closed, layer.qkv.weight.dtype)
            extra = None
            if number in memories:
                local, extra = self.join(number, query, local, memories[number])
            after = residual + layer.output(join_heads(local))
            after = after if extra is None else after + extra
            residual = after + layer.feed_forward(layer.feed_forward_norm(after))
        return residual

    def join(self, number: int, query: Tensor, local: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Local attention [B, heads, T, headDim] with what memory gives, and what its own output map adds [B, T, hidden]."""
        own = self.at(number)
        found, share = own.read(join_heads(query), memory)
        gate = torch.sigmoid(own.gate)[:, None, None]
        read = gate * found
        return local - gate * share * local + read, product(own.output_up, product(own.output_down, join_heads(read)))


def masked_attention(query: Tensor, key: Tensor, value: Tensor, open_to: Tensor, dtype: torch.dtype) -> Tensor:
    group = query.shape[1] // key.shape[1]
    keys, values = (part.repeat_interleave(group, 1).to(dtype) for part in (key, value))
    return functional.scaled_dot_product_attention(query.to(dtype), keys, values, attn_mask=open_to).float()


@torch.no_grad()
def encode_prefix(backbone: Backbone, prefix: list[int]) -> Prefix:
    run = backbone(torch.tensor([prefix]), projections_of=range(backbone.config.layers))
    numbers = range(backbone.config.layers)
    return Prefix([run.keys[number][0] for number in numbers], [run.values[number][0] for number in numbers])
