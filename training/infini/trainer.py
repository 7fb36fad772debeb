"""Trains the memory's maps and gates over the banks: the backbone itself does not run, as what it computes does not hang on the memory.

Losses. *Addresses*: for the place before each token of a value, the share of the memory's mass that lies on what was written for
that token is raised, in every head by itself (contrastive retrieval among the facts and the code that share a memory). *Answers*: what is
read makes the tokens of the value likely. *Silence*: asked for what is not in memory, the backbone says what it says without. *Code*: places
of code are predicted with what stands before them in their project in memory, and with facts beside it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .coordinates import Coordinates
from .memory import InfiniLayer, InfiniModel, feature

GROUPS = 4
"""Memories in a step."""
ASKED, ABSENT = 8, 4
"""Questions to one memory, and questions for what it does not hold."""
NOISE = 0.2
"""Of coordinates: without it the maps learn single questions by heart."""
DROPPED = 0.2
"""Share of heads whose findings a step leaves out."""
PIECES = 2
"""Pieces of code that are predicted."""
ORDINARY = 512
"""Places of code that a step takes for all code there is; what earlier steps took counts too, as it was."""
REMEMBERED = 0.95
FIRST = 2.0
"""Weight of a value's first token, with which an answer turns to memory."""
PASSKEYS = 0.3
"""Share of memories that hold one, in up to `PASSKEY_FILLER` times as much filler."""
PASSKEY_FILLER = 20
QUIET = 0.2
"""Weight, beside addresses that are missed, of finding something where nothing is to be found."""
CANDIDATES = 1500
"""Tokens of the vocabulary that a step tells the right ones from, besides the backbone's own candidates."""


@dataclass
class Drawn:
    """Memories of a step: the facts in each, the questions to each and those that it cannot answer, tokens of ordinary code and of grass."""

    facts: list[list[int]]
    asked: list[list[int]]
    absent: list[list[int]]
    filler: list[float]
    grass: list[float]


def table_of(facts: Tensor, count: int) -> Tensor:
    """Rows of each fact [count, most], -1 where there are fewer."""
    rows: list[list[int]] = [[] for _ in range(count)]
    for row, fact in enumerate(facts.tolist()):
        rows[fact].append(row)
    return ragged(rows)


def ragged(rows: list[list[int]]) -> Tensor:
    most = max(map(len, rows))
    return torch.tensor([row + [-1] * (most - len(row)) for row in rows])


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
        kept = (torch.rand(found.shape[:2] + (1, found.shape[3], 1)) > DROPPED) / (1 - DROPPED)
        gated = (found * kept * self.gate[:, None, None, :, None]).flatten(3)
        return torch.einsum("lgnr,lhr->gnh", torch.einsum("lgnd,lrd->lgnr", gated, self.down), self.up)

    def mass(self, own: Tensor) -> Tensor:
        return (own + self.null[:, :, None])[..., None]


def mapped(coordinates: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[layers, G, N, out] of [G, N, layers, axes]."""
    return torch.einsum("gnla,loa->lgno", coordinates, weight) + bias[:, None, None]


def noisy(coordinates: Tensor) -> Tensor:
    return coordinates.float() + torch.randn(coordinates.shape) * NOISE


class Trainer:
    def __init__(self, model: InfiniModel, data: Coordinates, seed: int = 0) -> None:
        self.model, self.data = model, data
        self.layers = [model.at(number) for number in model.layer_numbers]
        self.rng = random.Random(seed)
        assert data.code is not None and data.code_values is not None
        self.code, self.code_values = data.code, data.code_values
        self.key_rows, self.asked_rows = table_of(data.keys.fact, len(data.facts)), table_of(data.asked.fact, len(data.facts))
        self.passkeys = [i for i, fact in enumerate(data.facts) if fact.is_passkey]
        self.named = [i for i, fact in enumerate(data.facts) if not fact.is_passkey]
        segments = len(self.code.before) and int(self.code.entries.fact.max()) + 1
        self.segment_rows = table_of(self.code.entries.fact, segments)
        self.scored_rows = table_of(self.code.asked.fact, segments)
        is_grass = torch.isin(self.code.entries.fact, torch.tensor(self.code.grass))
        self.code_rows, self.grass_rows = (~is_grass).nonzero()[:, 0], is_grass.nonzero()[:, 0]
        self.usual: dict[str, tuple[Tensor, Tensor]] = {}

    def draw(self, most_facts: float, most_filler: float) -> Drawn:
        drawn = Drawn([], [], [], [], [])
        for _ in range(GROUPS):
            has_passkey = self.rng.random() < PASSKEYS
            alone = has_passkey and self.rng.random() < 0.6
            count = 0 if alone else round(math.exp(self.rng.uniform(0, math.log(most_facts))))
            chosen = [self.rng.choice(self.passkeys)] * has_passkey + self.rng.sample(self.named, count)
            group = list({self.data.facts[i].name: i for i in reversed(chosen)}.values())[::-1]
            drawn.facts.append(group)
            drawn.asked.append(group[:ASKED])
            absent = self.rng.sample(self.named, ABSENT - 1) + [self.rng.choice(self.passkeys)] * (not has_passkey)
            drawn.absent.append([i for i in absent if i not in group])
            tokens = math.exp(self.rng.uniform(math.log(50), math.log(most_filler * (PASSKEY_FILLER if alone else 1))))
            in_grass = alone and self.rng.random() < 0.6
            drawn.filler.append(0.0 if in_grass else tokens)
            drawn.grass.append(tokens if in_grass else 0.0)
        return drawn

    def losses(self, most_facts: float, most_filler: float, answers: bool = True) -> dict[str, Tensor]:
        """What a step minimises, and its figures; without `answers`, only that of the addresses, at a third of the work."""
        drawn, stack, data = self.draw(most_facts, most_filler), Stack(self.layers), self.data
        keys_at = self.key_rows[ragged(drawn.facts)].flatten(1)  # [G, N]; a missing fact takes the last one's rows, and is masked
        here = (keys_at >= 0) & (ragged(drawn.facts) >= 0).repeat_interleave(self.key_rows.shape[1], 1)
        keys = stack.keys(data.keys.inputs[keys_at]) * here[..., None]
        matrix, mass = keys.transpose(-1, -2) @ stack.values(data.values[keys_at]), keys.sum(-2)
        for name, rows, tokens in (("code", self.code_rows, drawn.filler), ("grass", self.grass_rows, drawn.grass)):
            usual = self.ordinary(stack, name, rows)
            amount = torch.tensor(tokens)[:, None]
            matrix, mass = matrix + amount[..., None] * usual[0][:, :, None], mass + amount * usual[1][:, :, None]
        self.beside = (matrix, mass)
        places = torch.cat([self.places(drawn.asked, None), self.places(drawn.absent, 0)], 1)  # [G, Q]
        there, absent = places >= 0, torch.zeros(places.shape, dtype=torch.bool)
        absent[:, -self.places(drawn.absent, 0).shape[1] :] = True
        queries = stack.queries(data.asked.inputs[places])
        whole = queries @ stack.mass(mass) + 1e-6
        aimed = (data.keys.fact[keys_at][:, None] == data.asked.fact[places][..., None]) & here[:, None] & ~absent[..., None]
        aimed &= data.keys.digit[keys_at][:, None] == data.asked.digit[places][..., None]
        wanted_keys = aimed.float() @ keys  # [layers, kvHeads, G, Q, dim]
        group = queries.shape[3] // places.shape[1]
        hit = (queries * wanted_keys.repeat(1, 1, 1, group, 1)).sum(-1, keepdim=True)
        share = ((hit + 1e-6) / whole)[..., 0].unflatten(3, (group, -1))  # [layers, kvHeads, G, group, Q]
        counted = there & ~absent & aimed.any(-1)
        weight = counted * torch.where(data.asked.digit[places] == 0, FIRST, 1.0)
        even = weight / weight.sum(1, keepdim=True).clamp(min=1)  # each memory counts alike
        even = even / even.sum()
        missed = -(share.log() * even[None, None, :, None]).sum((2, 4)).mean()
        found = {"missed": missed, "share": (share.detach() * even[None, None, :, None]).sum((2, 4)).mean()}
        # Of what is not in memory, nothing is to be found.
        lost = ~counted & there
        silence = -(1 - ((whole - queries @ stack.mass(torch.zeros_like(mass))) / whole)[..., 0].unflatten(3, (group, -1)).movedim(3, 2)[..., lost] + 1e-3).log().mean()
        found["missed"] = missed + QUIET * silence
        if not answers:
            return found
        added = stack.spoken(queries @ matrix / whole, places.shape[1])
        wanted = torch.where(absent, data.asked.rivals[places][..., 0], data.asked.wanted[places])
        logits, at = self.among((data.asked.residuals[places].float() + added)[there], wanted[there], data.asked.rivals[places][there])
        each = functional.cross_entropy(logits, at, reduction="none")
        silent = absent[there]
        right = (logits.argmax(-1) == at).float()
        weights = even[there]
        return found | {
            "answers": (each * weights).sum(), "silence": each[silent].mean(), "right": (right * weights).sum(), "words": right[silent].mean(),
        }

    def places(self, facts: list[list[int]], only: int | None) -> Tensor:
        """Rows of questions to each memory [G, Q], -1 where there are fewer."""
        rows = [self.asked_rows[i][: None if only is None else only + 1].tolist() for group in facts for i in group]
        made, at = [], 0
        for group in facts:
            made.append([row for own in rows[at : at + len(group)] for row in own if row >= 0])
            at += len(group)
        return ragged(made)

    def ordinary(self, stack: Stack, name: str, rows: Tensor) -> tuple[Tensor, Tensor]:
        """A token's mean share of ordinary text: the value of earlier steps', the slope of this one's."""
        chosen = rows[torch.randint(len(rows), (1, ORDINARY))]
        keys, values = stack.keys(self.code.entries.inputs[chosen])[:, :, 0], stack.values(self.code_values[chosen])[:, :, 0]
        own = keys.transpose(-1, -2) @ values / ORDINARY, keys.sum(-2) / ORDINARY
        known = self.usual.get(name, tuple(part.detach() for part in own))
        self.usual[name] = tuple(REMEMBERED * a + (1 - REMEMBERED) * b.detach() for a, b in zip(known, own, strict=True))
        return tuple(a + b - b.detach() for a, b in zip(self.usual[name], own, strict=True))

    def code_loss(self) -> tuple[Tensor, Tensor, Tensor]:
        """The loss over places of code with their own project's segments in memory, of some with facts and other code beside them; that
        without; and the loss that keeps heads quiet there."""
        stack = Stack(self.layers)
        chosen = self.rng.sample(sorted(self.code.before), PIECES)
        rows = torch.stack([self.segment_rows[self.code.before[at]].flatten() for at in chosen])
        keys = stack.keys(self.code.entries.inputs[rows]) * (rows >= 0)[..., None] * (511 / self.segment_rows.shape[1])
        matrix, mass = keys.transpose(-1, -2) @ stack.values(self.code_values[rows]), keys.sum(-2)
        # The first stands alone in memory, the others beside the facts and the code of other memories.
        matrix = torch.cat([matrix[:, :, :1], matrix[:, :, 1:] + self.beside[0][:, :, 1:PIECES].detach()], 2)
        mass = torch.cat([mass[:, :, :1], mass[:, :, 1:] + self.beside[1][:, :, 1:PIECES].detach()], 2)
        places = self.scored_rows[chosen]
        queries = stack.queries(self.code.asked.inputs[places])
        whole = queries @ stack.mass(mass) + 1e-6
        added = stack.spoken(queries @ matrix / whole, places.shape[1])
        quiet = self.quiet(stack, queries, whole, places)
        alone = self.code.asked.residuals[places].float()
        there = places >= 0
        wanted, rivals = self.code.asked.wanted[places][there], self.code.asked.rivals[places][there]
        logits, at = self.among(torch.stack([alone + added, alone])[:, there], wanted, rivals)
        with_memory, without = (functional.cross_entropy(part, at) for part in logits)
        return with_memory, without, quiet

    def quiet(self, stack: Stack, queries: Tensor, whole: Tensor, places: Tensor) -> Tensor:
        """-log of the share of nothing, over heads and the places of code before which no digit stands."""
        nothing = (queries @ stack.null[:, :, None, :, None] / whole)[..., 0].unflatten(3, (-1, places.shape[1]))
        is_word = (places >= 0) & ~torch.isin(self.code.asked.wanted[places], self.digits)
        return -(nothing.movedim(3, 2)[..., is_word] + 1e-3).log().mean()

    def among(self, last: Tensor, wanted: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the last residuals [..., N, hidden] over some tokens, and the wanted ones' places among them."""
        frozen = self.model.frozen
        drawn = torch.randint(frozen.config.vocabulary, (CANDIDATES,))
        tokens, place = torch.unique(torch.cat([wanted, rivals.flatten(), drawn]), return_inverse=True)
        hidden = frozen.final_norm(last).to(frozen.embedding.weight.dtype)
        return functional.linear(hidden, frozen.embedding.weight[tokens]).float(), place[: len(wanted)]

    @torch.no_grad()
    def begin(self, tokens: list[int]) -> None:
        """Sets output maps to say a value's token: what tells the digits `tokens` and the end apart in values, by ridge regression."""
        data, frozen = self.data, self.model.frozen
        self.digits = torch.tensor(tokens[:10])
        digits = [int(fact.value[j]) if j < len(fact.value) else 10 for fact, j in ((data.facts[i], j) for i, j in zip(data.keys.fact.tolist(), data.keys.digit.tolist(), strict=True))]
        marks = functional.one_hot(torch.tensor(digits), 11).float()
        said = frozen.embedding.weight[tokens].float() - frozen.embedding.weight.float().mean(0)
        size = data.asked.residuals.float().norm(dim=1).mean() / said.norm(dim=1).mean()
        for i, own in enumerate(self.layers):
            width, group = own.config.kv_width, own.config.heads // own.config.kv_heads
            values = data.values[:, i, width:].float() / own.kv_scale[width:] + own.kv_mean[width:]
            ridge = values.T @ values + 0.02 * len(values) * torch.diag(values.var(0))
            found = torch.linalg.solve(ridge, values.T @ (marks - marks.mean(0))).T  # [11, kvWidth]
            by_head = found.unflatten(1, (own.config.kv_heads, -1)).repeat_interleave(group, 1).flatten(1)
            own.output_down.weight.mul_(0.1)
            own.output_down.weight[:11] = by_head / group
            own.output_up.weight.zero_()
            own.output_up.weight[:, :11] = (said * size / len(self.layers)).T
