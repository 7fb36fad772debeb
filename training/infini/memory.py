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


DECAY = 0.93
"""Of a trail, a token: a name is still in it at the last digit of its value, and behind a question's last words."""


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
    state hardly tells whose value it belongs to; and of the value's own state, which says how much of it is worth keeping (a write gate, as
    of gated linear attention). `null` is mass that lies in the memory from the start, with a value
    of nothing: a query which nothing answers, or an empty memory, changes nothing. What is read goes to the last residual, and not into its
    own layer: the backbone's states, and with them all keys and queries, stay what they are without a memory.

    Maps see their inputs along fixed axes (`axes.py`), of which there are fewer than inputs: without `axes`, along all.
    """

    def __init__(self, config: Config, rank: int = 64, axes: tuple[int, int] | None = None) -> None:
        super().__init__()
        kv, width, dim = config.kv_width, config.query_width, config.head_dim
        key_axes, query_axes = axes or (6 * kv, 2 * width)
        self.config = config
        self.key = nn.Linear(key_axes, kv)
        self.value = nn.Linear(2 * kv, kv)
        self.query = nn.Linear(query_axes, width)
        self.output_down = nn.Linear(width, rank, bias=False)
        self.output_up = nn.Linear(rank, config.hidden, bias=False)
        self.gate = nn.Parameter(torch.zeros(config.heads))
        self.null = nn.Parameter(torch.zeros(config.kv_heads, dim))
        for weight in (self.value.weight, self.value.bias):
            nn.init.zeros_(weight)
        for name, count, size in (("key", key_axes, 6 * kv), ("query", query_axes, 2 * width)):
            self.register_buffer(f"{name}_axes", torch.eye(count, size))
            self.register_buffer(f"{name}_offset", torch.zeros(count))
        for name, size in (("kv", 2 * kv), ("query", width)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    def standard(self, keys_values: Tensor) -> Tensor:
        """Keys beside values [..., 2 * kvWidth], each channel with mean 0 and deviation 1 over ordinary code."""
        return (keys_values - self.kv_mean) * self.kv_scale

    def key_inputs(self, keys_values: Tensor) -> Tensor:
        """Of T tokens [..., T, 2 * kvWidth] what the keys of T - 1 entries are made of, [..., T - 1, 6 * kvWidth]: state, trail, value's state."""
        standard = self.standard(keys_values)
        return torch.cat([standard[..., :-1, :], trail(standard)[..., :-1, :], standard[..., 1:, :]], -1)

    def query_inputs(self, query: Tensor) -> Tensor:
        """Un-rotated queries [..., T, queryWidth] beside their trail."""
        standard = (query - self.query_mean) * self.query_scale
        return torch.cat([standard, trail(standard)], -1)

    def key_map(self) -> tuple[Tensor, Tensor]:
        """Weight and bias that take `key_inputs` as they are."""
        return self.key.weight @ self.key_axes, self.key.bias - self.key.weight @ self.key_offset

    def query_map(self) -> tuple[Tensor, Tensor]:
        return self.query.weight @ self.query_axes, self.query.bias - self.query.weight @ self.query_offset

    def entries(self, keys_values: Tensor) -> tuple[Tensor, Tensor]:
        """What a run of tokens [..., T, 2 * kvWidth] writes: key features and values [..., kvHeads, T - 1, headDim]."""
        inputs = self.key_inputs(keys_values)
        keys = functional.linear(inputs, *self.key_map())
        own = keys_values[..., 1:, self.config.kv_width :]
        values = own + self.value(inputs[..., -2 * self.config.kv_width :])
        return feature(self.split(keys)), self.split(values)

    def split(self, joined: Tensor) -> Tensor:
        return joined.unflatten(-1, (-1, self.config.head_dim)).transpose(-2, -3)

    def addresses(self, inputs: Tensor) -> Tensor:
        """Query features [B, heads, T, headDim] of what `query_inputs` gives."""
        return feature(self.split(functional.linear(inputs, *self.query_map())))

    def read(self, features: Tensor, memory: Memory) -> Tensor:
        """What heads find, [B, heads, T, headDim], for query features of this shape; nothing where nothing in memory answers."""
        matrix, mass = memory
        folded = features.unflatten(1, (self.config.kv_heads, -1)).flatten(2, 3)
        whole = folded @ (mass + functional.softplus(self.null))[..., None] + 1e-6
        return (folded @ matrix / whole).reshape(features.shape)


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

    def __init__(self, backbone: Backbone, layers: list[int], prefix: list[int], rank: int = 64, axes: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.config = backbone.config
        self.layer_numbers = layers
        self.infini = nn.ModuleDict({str(layer): InfiniLayer(backbone.config, rank, axes) for layer in layers})
        self.backbone = [backbone]
        self.prefix = encode_prefix(backbone, prefix)

    @property
    def frozen(self) -> Backbone:
        return self.backbone[0]

    def at(self, layer: int) -> InfiniLayer:
        found = self.infini[str(layer)]
        assert isinstance(found, InfiniLayer)
        return found

    def forward(self, tokens: Tensor, memories: dict[int, Memory]) -> Tensor:
        """Final hidden states of `tokens` [B, T] behind the prefix; `memories` by layer, one for each row."""
        residual, added = self.layers(self.frozen.embed(tokens), range(self.config.layers), memories)
        return self.frozen.final_norm(residual + added)

    def below(self, tokens: Tensor) -> Tensor:
        """The residual that enters the first layer with a memory."""
        with torch.no_grad():
            return self.layers(self.frozen.embed(tokens), range(self.layer_numbers[0]), {})[0]

    def layers(self, residual: Tensor, numbers: range, memories: dict[int, Memory]) -> tuple[Tensor, Tensor]:
        """The residual behind some layers, and what their memories add to the last one, both [B, T, hidden]."""
        theta, past = self.config.rope_theta, self.prefix.length
        count, added = residual.shape[1], torch.zeros(())
        positions = torch.arange(past + count)
        closed = torch.ones(count, past + count, dtype=torch.bool).tril(past)
        for number in numbers:
            layer = self.frozen.layers[number]
            query, key, value = layer.project(residual)
            every = torch.cat([self.prefix.keys[number].expand(len(residual), -1, -1, -1), key], 2)
            values = torch.cat([self.prefix.values[number].expand(len(residual), -1, -1, -1), value], 2)
            turned = rotate(query, positions[past:], theta), rotate(every, positions, theta)
            residual = layer.after_attention(residual, masked_attention(*turned, values, closed, layer.qkv.weight.dtype))
            if number in memories:
                own = self.at(number)
                found = own.read(own.addresses(own.query_inputs(join_heads(query))), memories[number])
                added = added + self.spoken(number, found)
        return residual, added

    def spoken(self, number: int, found: Tensor) -> Tensor:
        """What heads' findings [B, heads, T, headDim] add to the last residual: through their gates and an output map."""
        own = self.at(number)
        return own.output_up(own.output_down(join_heads(found * torch.sigmoid(own.gate)[:, None, None])))


def masked_attention(query: Tensor, key: Tensor, value: Tensor, open_to: Tensor, dtype: torch.dtype) -> Tensor:
    group = query.shape[1] // key.shape[1]
    keys, values = (part.repeat_interleave(group, 1).to(dtype) for part in (key, value))
    return functional.scaled_dot_product_attention(query.to(dtype), keys, values, attn_mask=open_to).float()


@torch.no_grad()
def encode_prefix(backbone: Backbone, prefix: list[int]) -> Prefix:
    run = backbone(torch.tensor([prefix]), projections_of=range(backbone.config.layers))
    numbers = range(backbone.config.layers)
    return Prefix([run.keys[number][0] for number in numbers], [run.values[number][0] for number in numbers])
