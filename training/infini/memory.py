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
    state hardly tells whose value it belongs to. `null` is mass that lies in the memory from the start, with a value
    of nothing: a query which nothing answers, or an empty memory, changes nothing. What is read goes to the last residual, and not into its
    own layer: the backbone's states, and with them all keys and queries, stay what they are without a memory.
    """

    def __init__(self, config: Config, rank: int = 64, gate: float = -0.5) -> None:
        super().__init__()
        kv, width, dim = config.kv_width, config.query_width, config.head_dim
        self.config = config
        self.blur = 0.0
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
        for name, size in (("kv_whitening", 2 * kv), ("query_whitening", width)):
            self.register_buffer(name, torch.eye(size))

    def standard(self, keys_values: Tensor) -> Tensor:
        """Keys beside values [..., 2 * kvWidth], each channel with mean 0 and deviation 1 over ordinary code."""
        return (keys_values - self.kv_mean) * self.kv_scale

    def standard_queries(self, query: Tensor) -> Tensor:
        """Un-rotated queries [..., T, queryWidth], whitened, beside their trail."""
        white = product_of((query - self.query_mean) * self.query_scale, self.query_whitening)
        return torch.cat([white, trail(white)], -1)

    def key_weight(self) -> Tensor:
        """The map of keys without the whitening before it. It is learnt in whitened coordinates: what tells names apart is a small part
        of the states' variance (by whitened trails alone, the right one of 12 names is nearest nine times in ten; by states, one in ten)."""
        return unwhitened(self.key.weight, self.kv_whitening)

    def query_weight(self) -> Tensor:
        return unwhitened(self.query.weight, self.query_whitening)

    def entries(self, keys_values: Tensor) -> tuple[Tensor, Tensor]:
        """What a run of tokens [..., T, 2 * kvWidth] writes: key features and values [..., kvHeads, T - 1, headDim]."""
        standard = self.standard(keys_values)
        before = torch.cat([standard, trail(standard)], -1)[..., :-1, :]
        keys = self.blurred(product_of(before, self.key_weight()) + self.key.bias, self.key)
        own = keys_values[..., 1:, self.config.kv_width :]
        values = own + product(self.value, standard[..., 1:, :])
        return feature(self.split(keys)), self.split(values)

    def split(self, joined: Tensor) -> Tensor:
        return joined.unflatten(-1, (-1, self.config.head_dim)).transpose(-2, -3)

    def addresses(self, query: Tensor) -> Tensor:
        """Query features [B, heads, T, headDim] of what `standard_queries` gives."""
        return feature(self.split(self.blurred(product(self.query, query), self.query)))

    def blurred(self, mapped: Tensor, linear: nn.Linear) -> Tensor:
        """In training, what `blur` of whitened inputs' deviation does to their map; else as it is."""
        if self.blur == 0:
            return mapped
        return mapped + torch.randn_like(mapped) * (self.blur * linear.weight.detach().norm(dim=1))

    def read(self, features: Tensor, memory: Memory) -> Tensor:
        """What heads find, [B, heads, T, headDim], for query features of this shape; nothing where nothing in memory answers."""
        matrix, mass = memory
        folded = features.unflatten(1, (self.config.kv_heads, -1)).flatten(2, 3)
        whole = folded @ (mass + functional.softplus(self.null))[..., None] + 1e-6
        return (folded @ matrix / whole).reshape(features.shape)


def unwhitened(weight: Tensor, whitening: Tensor) -> Tensor:
    """`weight` [out, 2 * width] takes whitened states and trails; the result takes plain ones. `whitening` is symmetric."""
    return torch.cat([part @ whitening for part in weight.chunk(2, 1)], 1)


def product_of(states: Tensor, weight: Tensor) -> Tensor:
    """In bfloat16 where it pays; the result is float32."""
    dtype = torch.bfloat16 if MIXED else torch.float32
    return functional.linear(states.to(dtype), weight.to(dtype)).float()


def product(linear: nn.Linear, states: Tensor) -> Tensor:
    return product_of(states, linear.weight) + (0 if linear.bias is None else linear.bias)


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
                found = own.read(own.addresses(own.standard_queries(join_heads(query))), memories[number])
                added = added + self.spoken(number, found)
        return residual, added

    def spoken(self, number: int, found: Tensor) -> Tensor:
        """What heads' findings [B, heads, T, headDim] add to the last residual: through their gates and the layer's output map."""
        own = self.at(number)
        read = join_heads(found * torch.sigmoid(own.gate)[:, None, None])
        return self.frozen.layers[number].output(read) + product(own.output_up, product(own.output_down, read))


def masked_attention(query: Tensor, key: Tensor, value: Tensor, open_to: Tensor, dtype: torch.dtype) -> Tensor:
    group = query.shape[1] // key.shape[1]
    keys, values = (part.repeat_interleave(group, 1).to(dtype) for part in (key, value))
    return functional.scaled_dot_product_attention(query.to(dtype), keys, values, attn_mask=open_to).float()


@torch.no_grad()
def encode_prefix(backbone: Backbone, prefix: list[int]) -> Prefix:
    run = backbone(torch.tensor([prefix]), projections_of=range(backbone.config.layers))
    numbers = range(backbone.config.layers)
    return Prefix([run.keys[number][0] for number in numbers], [run.values[number][0] for number in numbers])
