"""Trains the memory's maps and gates over the banks: the backbone itself does not run, as what it computes does not hang on the memory.

Losses. *Answers*: what is read makes the tokens of the value likely, whichever fact has lent it (`lenders`). *Missed*: for the place before each
token of a value, the share of the memory's mass that lies on what was written for that token is raised, in the heads that are there for its part of values.
*Silence*: asked for what is not in memory, the backbone says what it says without. *Quiet* and *added*: at places of code and of answers in words heads find
nothing, and what they add is short.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .axes import PARTS, Pairs, begin, part_of
from .coordinates import Coordinates, Ordinary
from .memory import InfiniModel
from .stack import Stack

GROUPS = 4
"""Memories in a step."""
ASKED, ABSENT = 8, 4
"""Questions to one memory, and questions for what it does not hold."""
WATCHED, IN_WORDS = 96, 32
"""Places beside each memory at which it is to add nothing, and how many of them are of answers in words; the others are of code."""
SWAPPED = 0.8
"""Share of steps in which facts have each other's values: what is said can only be read, and not be known by heart."""
ORDINARY = 512
"""Places of code that a step takes for all code there is; what earlier steps took counts too, as it was."""
REMEMBERED = 0.95
ENDS = 2.0
"""Weight of a value's first token, with which an answer turns to memory, and of the one behind its last, with which it turns away."""
PASSKEYS = 0.3
"""Share of memories that hold one, in up to `PASSKEY_FILLER` times as much filler."""
PASSKEY_FILLER = 20
IDLE = 0.2
"""Weight, beside addresses that are missed, of finding something at tokens that other heads look for."""
QUIET = 0.05
"""Weight, beside addresses that are missed, of finding something where nothing is to be found."""
LOUD = 3.5
"""Of outputs before training."""
BEHIND = 10
"""Stands for the token behind a value, where there are digits."""
CANDIDATES = 1500
"""Tokens of the vocabulary that a step tells the right ones from, besides the backbone's own candidates."""
ALIKE = 48
"""And of those that what says a digit or the end makes likelier too: rare tokens' embeddings are much alike, and hardly a draw meets them."""


@dataclass
class Drawn:
    """Memories of a step: the facts in each, the questions to each and those that it cannot answer, tokens of ordinary code and of grass."""

    facts: list[list[int]]
    asked: list[list[int]]
    absent: list[list[int]]
    filler: list[float]
    grass: list[float]


@dataclass
class Asking:
    """Of a step's memories: what was written, and questions to each; tensors [G, Q] where nothing else is said."""

    keys: Tensor  # [G, N]: rows
    here: Tensor  # [G, N]: whether there is such a row
    places: Tensor  # rows of questions
    there: Tensor
    absent: Tensor  # whether the memory does not hold it
    aimed: Tensor  # [G, Q, N]: what answers it
    counted: Tensor
    even: Tensor  # weights that add up to 1


def table_of(facts: Tensor, count: int) -> Tensor:
    """Rows of each fact [count, most], -1 where there are fewer."""
    rows: list[list[int]] = [[] for _ in range(count)]
    for row, fact in enumerate(facts.tolist()):
        rows[fact].append(row)
    return ragged(rows)


def ragged(rows: list[list[int]]) -> Tensor:
    most = max(map(len, rows))
    return torch.tensor([row + [-1] * (most - len(row)) for row in rows])


def first_keys(data: Coordinates) -> tuple[Tensor, Tensor]:
    """The row of the first key that writes the same token of the same value, of each key's row and of each question's."""
    first: dict[tuple[int, int], int] = {}
    for row, place in enumerate(zip(data.keys.fact.tolist(), data.keys.digit.tolist(), strict=True)):
        first.setdefault(place, row)
    of_keys, of_asked = (
        torch.tensor([first.get(place, 0) for place in zip(rows.fact.tolist(), rows.digit.tolist(), strict=True)]) for rows in (data.keys, data.asked)
    )
    return of_keys, of_asked


def classes_of(data: Coordinates) -> list[Tensor]:
    """Rows of keys that may lend each other their values: the same digit of it, and not what stands behind it."""
    lengths = torch.tensor([len(fact.value) for fact in data.facts])[data.keys.fact]
    return [((data.keys.digit == digit) & (digit < lengths)).nonzero()[:, 0] for digit in range(int(lengths.max()))]


def digits_of(data: Coordinates) -> Tensor:
    """Which digit each key's row writes, `BEHIND` the last one."""
    values = [data.facts[fact].value for fact in data.keys.fact.tolist()]
    return torch.tensor([int(value[at]) if at < len(value) else BEHIND for value, at in zip(values, data.keys.digit.tolist(), strict=True)])


def directions_of(embedding: Tensor, tokens: list[int]) -> Tensor:
    """Unit vectors [tokens, hidden] that each raise one of the tokens' logits above the others', and all of these above the vocabulary's mean."""
    rows = embedding[tokens] - embedding.mean(0)
    made = torch.linalg.solve(rows @ rows.T + 0.01 * rows.square().sum(1).mean() * torch.eye(len(tokens)), rows)
    return made / made.norm(dim=1, keepdim=True).mean()


class Trainer:
    def __init__(self, model: InfiniModel, data: Coordinates, ordinary: Ordinary, in_words: int, seed: int = 0) -> None:
        """`in_words`: how many of the last queries of `ordinary` are of answers in words."""
        self.model, self.data, self.code, self.in_words = model, data, ordinary, in_words
        self.layers = [model.at(number) for number in model.layer_numbers]
        self.rng = random.Random(seed)
        self.key_rows, self.asked_rows = table_of(data.keys.fact, len(data.facts)), table_of(data.asked.fact, len(data.facts))
        self.passkeys = [i for i, fact in enumerate(data.facts) if fact.is_passkey]
        self.named = [i for i, fact in enumerate(data.facts) if not fact.is_passkey]
        self.code_rows, self.grass_rows = ((ordinary.is_grass == of).nonzero()[:, 0] for of in (False, True))
        self.first_key, self.asked_key = first_keys(data)
        self.classes = classes_of(data)
        layers, kv_heads = range(len(self.layers)), range(model.config.kv_heads)
        self.parts = torch.tensor([[part_of(layer, len(layers), head) for head in kv_heads] for layer in layers])
        self.usual: dict[str, tuple[Tensor, Tensor]] = {}
        self.digits = digits_of(data)
        # Tokens that values' tokens are, -1 for what stands behind a value: `begin` says which.
        self.said = torch.full_like(self.digits, -1)
        self.alike = torch.zeros(0, dtype=torch.long)
        self.length = data.asked.residuals.float().square().sum(-1).mean().item()

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

    def losses(self, most_facts: float, most_filler: float) -> dict[str, Tensor]:
        """What a step minimises, and its figures."""
        drawn, stack, data = self.draw(most_facts, most_filler), Stack(self.layers), self.data
        asking = self.asking(drawn)
        keys = stack.keys(data.keys.inputs[asking.keys]) * asking.here[..., None]
        lent = self.lenders()
        matrix, mass = self.memories(stack, drawn, keys, stack.values(data.values[lent[self.first_key[asking.keys]]]))
        queries = stack.queries(data.asked.inputs[asking.places])
        whole = queries @ stack.mass(mass) + 1e-6
        nothing = (queries @ stack.null[:, :, None, :, None] / whole)[..., 0]
        found = self.addresses(asking, keys, queries, whole, nothing)
        added = stack.spoken(queries @ matrix / whole, asking.places.shape[1])
        return found | self.watched(stack, matrix, mass) | self.answers(asking, self.said[lent[self.asked_key[asking.places]]], added)

    def asking(self, drawn: Drawn) -> Asking:
        data, facts = self.data, ragged(drawn.facts)
        keys = self.key_rows[facts].flatten(1)  # a missing fact takes the last one's rows, and is masked
        here = (keys >= 0) & (facts >= 0).repeat_interleave(self.key_rows.shape[1], 1)
        present, missing = self.places(drawn.asked, None), self.places(drawn.absent, 0)
        places = torch.cat([present, missing], 1)
        absent = (torch.arange(places.shape[1]) >= present.shape[1]).expand(places.shape)
        aimed = (data.keys.fact[keys][:, None] == data.asked.fact[places][..., None]) & here[:, None] & ~absent[..., None]
        aimed &= data.keys.digit[keys][:, None] == data.asked.digit[places][..., None]
        there = places >= 0
        counted = there & ~absent & aimed.any(-1)
        is_end = (data.asked.digit[places] == 0) | (self.digits[self.asked_key[places]] == BEHIND)
        weight = counted * torch.where(is_end, ENDS, 1.0)
        even = weight / weight.sum(1, keepdim=True).clamp(min=1)  # each memory counts alike
        return Asking(keys, here, places, there, absent, aimed, counted, even / even.sum())

    def memories(self, stack: Stack, drawn: Drawn, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Matrices [layers, kvHeads, G, dim, dim] and masses [layers, kvHeads, G, dim] of facts and of ordinary text around them."""
        matrix, mass = keys.transpose(-1, -2) @ values, keys.sum(-2)
        for name, rows, tokens in (("code", self.code_rows, drawn.filler), ("grass", self.grass_rows, drawn.grass)):
            usual = self.ordinary(stack, name, rows)
            amount = torch.tensor(tokens)[:, None]
            matrix, mass = matrix + amount[..., None] * usual[0][:, :, None], mass + amount * usual[1][:, :, None]
        return matrix, mass

    def addresses(self, asking: Asking, keys: Tensor, queries: Tensor, whole: Tensor, nothing: Tensor) -> dict[str, Tensor]:
        """Which shares of the memory's mass lie where they are wanted; `nothing` is what lies on nothing."""
        wanted = asking.aimed.float() @ keys  # [layers, kvHeads, G, Q, dim]
        group = queries.shape[3] // asking.places.shape[1]
        hit = (queries * wanted.repeat(1, 1, 1, group, 1)).sum(-1, keepdim=True)
        share = ((hit + 1e-6) / whole)[..., 0].unflatten(3, (group, -1))  # [layers, kvHeads, G, group, Q]
        part = self.data.asked.digit[asking.places].clamp(max=PARTS - 1)
        is_part = part == self.parts[:, :, None, None]
        is_seeking = (torch.arange(group) < group - 1)[:, None]  # the last of a group reads the mean
        sought = (is_part * asking.even)[:, :, :, None] * is_seeking
        sought = sought / sought.sum((2, 3, 4), keepdim=True).clamp(min=1e-6)
        alone = -(share.log() * sought).sum((2, 3, 4)).mean()
        joint = torch.stack([share[self.parts == of][:, :, : group - 1].mean((0, 2)) for of in range(PARTS)])  # [PARTS, G, Q]
        together = -(joint.gather(0, part[None])[0].clamp(min=1e-6).log() * asking.even).sum()
        # Of what is not in memory, and of what other heads look for, nothing is to be found.
        unknown = (~asking.counted & asking.there).expand(is_part.shape)
        silent = nothing.unflatten(3, (group, -1)).transpose(3, 4)
        lost, idle = (-(silent[rows] + 1e-3).log().mean() for rows in (unknown, ~is_part & asking.counted))
        shares = (share.detach() * sought).sum((2, 3, 4))
        missed = 0.5 * alone + 0.5 * together + QUIET * lost + IDLE * idle
        return {"missed": missed, "first": shares[self.parts == 0].mean(), "later": shares[self.parts > 0].mean()}

    def answers(self, asking: Asking, said: Tensor, added: Tensor) -> dict[str, Tensor]:
        """How likely the right tokens are with what memories add: values' of `said` [G, Q] (-1 where it is another token), the backbone's own elsewhere."""
        asked, there, places = self.data.asked, asking.there, asking.places
        wanted = torch.where(asking.absent, asked.rivals[places][..., 0], torch.where(said >= 0, said, asked.wanted[places]))
        logits, at = self.among((asked.residuals[places].float() + added)[there], wanted[there], asked.rivals[places][there])
        each = functional.cross_entropy(logits, at, reduction="none")
        unknown, weights = asking.absent[there], asking.even[there]
        right = (logits.argmax(-1) == at).float()
        return {"answers": (each * weights).sum(), "silence": each[unknown].mean(), "right": (right * weights).sum(), "words": right[unknown].mean()}

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
        keys, values = stack.keys(self.code.keys[chosen])[:, :, 0], stack.values(self.code.values[chosen])[:, :, 0]
        own = keys.transpose(-1, -2) @ values / ORDINARY, keys.sum(-2) / ORDINARY
        known = self.usual.get(name, tuple(part.detach() for part in own))
        self.usual[name] = tuple(REMEMBERED * a + (1 - REMEMBERED) * b.detach() for a, b in zip(known, own, strict=True))
        return tuple(a + b - b.detach() for a, b in zip(self.usual[name], own, strict=True))

    def watched(self, stack: Stack, matrix: Tensor, mass: Tensor) -> dict[str, Tensor]:
        """At places of code and of answers in words: -log of the share of nothing, a mean over heads, and the squared length of what is added."""
        groups, of_code = matrix.shape[2], len(self.code.queries) - self.in_words
        in_code, in_words = torch.randint(of_code, (groups, WATCHED - IN_WORDS)), of_code + torch.randint(self.in_words, (groups, IN_WORDS))
        places = torch.cat([in_code, in_words], 1)
        queries = stack.queries(self.code.queries[places])
        whole = queries @ stack.mass(mass) + 1e-6
        nothing = queries @ stack.null[:, :, None, :, None] / whole
        added = stack.spoken(queries @ matrix / whole, WATCHED)
        return {"quiet": -(nothing + 1e-3).log().mean(), "added": added.square().sum(-1).mean() / self.length}

    def lenders(self) -> Tensor:
        """Of each key's row, the row whose value it has in this step: its own, or that of the same token of another fact's value."""
        lent = torch.arange(len(self.first_key))
        if self.rng.random() < SWAPPED:
            for rows in self.classes:
                lent[rows] = rows[torch.randperm(len(rows))]
        return lent

    def among(self, last: Tensor, wanted: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the last residuals [..., N, hidden] over some tokens, and the wanted ones' places among them."""
        frozen = self.model.frozen
        drawn = torch.randint(frozen.config.vocabulary, (CANDIDATES,))
        tokens, place = torch.unique(torch.cat([wanted, rivals.flatten(), drawn, self.alike]), return_inverse=True)
        hidden = frozen.final_norm(last).to(frozen.embedding.weight.dtype)
        return functional.linear(hidden, frozen.embedding.weight[tokens]).float(), place[: len(wanted)]

    @torch.no_grad()
    def begin_addresses(self) -> None:
        data = self.data
        rows = torch.tensor([row for row, fact in enumerate(data.asked.fact.tolist()) if not data.facts[fact].is_passkey])
        part = data.asked.digit[rows].clamp(max=PARTS - 1)
        code = self.code_rows[torch.randperm(len(self.code_rows))[: len(rows)]]
        asked = torch.randperm(len(self.code.queries))[: len(rows)]
        for i, own in enumerate(self.layers):
            inputs = (data.keys.inputs[self.asked_key[rows], i], data.asked.inputs[rows, i], self.code.keys[code, i], self.code.queries[asked, i])
            keys, queries, code_keys, code_queries = (each.float() for each in inputs)
            begin(own, Pairs(keys, queries, part, code_keys, code_queries), self.parts[i].tolist())

    @torch.no_grad()
    def begin(self, tokens: list[int]) -> None:
        """Sets output maps to say a value's token: what tells the digits `tokens` and the end apart in values, by ridge regression."""
        data, frozen = self.data, self.model.frozen
        self.said = torch.tensor([*tokens[:10], -1])[self.digits]
        marks = functional.one_hot(self.digits, 11).float()
        size = data.asked.residuals.float().norm(dim=1).mean()
        embedding = frozen.embedding.weight.float() * frozen.final_norm.weight
        said = directions_of(embedding, tokens) * size
        self.alike = (said @ embedding.T).topk(ALIKE).indices.flatten().unique()
        config = self.layers[0].config
        group = config.heads // config.kv_heads
        beyond = torch.tensor([1.0] * (group - 1) + [-0.9 * (group - 1)])  # what is found less the mean of all there is
        for i, own in enumerate(self.layers):
            states = data.values[:, i].float()
            centred = states - states.mean(0)
            ridge = centred.T @ centred + 0.02 * len(states) * torch.eye(states.shape[1])
            found = torch.linalg.solve(ridge, centred.T @ (marks - marks.mean(0))).T  # [11, 2 * kvWidth]
            width = config.kv_width
            own.value.weight.zero_()
            own.value.weight[:, width:] = -torch.diag(1 / own.kv_scale[width:])
            own.value.bias.copy_(-own.kv_mean[width:])
            own.output_down.weight.mul_(0.1)
            for head in range(config.kv_heads):
                at = head * config.head_dim
                own.value.weight[at : at + 11] += found
                own.value.bias[at : at + 11] += marks.mean(0) - found @ states.mean(0)
                for member in range(group):
                    start = (head * group + member) * config.head_dim
                    own.output_down.weight[:11, start : start + 11] = torch.eye(11) * beyond[member] / (self.parts == self.parts[i, head]).sum()
            own.output_up.weight.zero_()
            own.output_up.weight[:, :11] = (said * LOUD).T
