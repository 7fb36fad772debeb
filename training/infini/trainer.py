"""Trains the memory's maps and gates over the banks: the backbone itself does not run, as what it computes does not hang on the memory.

Three losses. *Addresses*: for the place before each token of a value, the share of the memory's mass that lies on what was written for
that token is raised, in every head by itself (contrastive retrieval among the facts and the code that share a memory). *Answers*: what is
read makes the tokens of the value likely, and leaves the answer's other words as they are. *Code*: a piece of code
is predicted with what stands before it in its project in memory; one time in five, with other projects' code.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from .bank import FactBank, FillerBank, QuestionBank, ask, build_questions, question_states
from .memory import InfiniLayer, InfiniModel, Memory

GROUPS = 4
"""Memories in a step."""
ASKED = 10
"""Questions to one memory."""
NOISE = 0.05
"""Of standardised states: the store keeps keys and values in a few bits."""
BLUR = 0.25
"""Of whitened states: without it the maps learn single questions by heart."""
DROPPED = 0.2
"""Share of heads whose findings a step leaves out."""
FRESH = 80
"""New questions that come in every `FRESH_STEPS` steps."""
FRESH_STEPS = 8
FILLER_TOKENS = 128
"""Of a segment that stand for all of it."""
PASSKEY_FILLER = 170
"""A passkey's memory holds so many times as much as one of facts: a million tokens at most."""
WORD_WEIGHT, CODE_WEIGHT = 0.3, 0.5
MOST_FACTS, MOST_FILLER = 20, 12
"""Of one memory; filler in segments of 512 tokens."""
PASSKEYS = 0.3
"""Share of memories that hold one."""
CODE_TOKENS, CODE_START = 96, 12
"""Of a piece of code that is predicted, and how many of them only stand before."""
CANDIDATES = 6000
"""Tokens of the vocabulary that a step tells the right ones from: the product with all of it would cost as much as all else."""


@dataclass
class Banks:
    facts: FactBank
    filler: FillerBank
    values: QuestionBank
    words: QuestionBank


@dataclass
class Drawn:
    """Memories of a step: the facts in each, the questions to each, and how many segments of ordinary code each holds."""

    facts: list[list[int]]
    asked: list[list[int]]
    filler: list[float]


def index_of(facts: Tensor, numbers: Tensor) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for index, fact in zip(numbers.tolist(), facts.tolist(), strict=True):
        found.setdefault(fact, []).append(index)
    return found


class Trainer:
    def __init__(self, model: InfiniModel, banks: Banks, seed: int = 0) -> None:
        self.model, self.banks = model, banks
        self.rng = random.Random(seed)
        self.questions = banks.values + banks.words
        self.is_value = torch.arange(len(self.questions.fact)) < len(banks.values.fact)
        self.index()
        self.following = banks.filler.follows.nonzero()[:, 0].tolist()
        facts = banks.facts.facts
        self.passkeys = [i for i, fact in enumerate(facts) if fact.is_passkey and i in self.valued]
        self.asked = [i for i, fact in enumerate(facts) if not fact.is_passkey and i in self.valued]
        self.others = [i for i, fact in enumerate(facts) if not fact.is_passkey]

    def index(self) -> None:
        """Which questions there are to each fact: about its value, and about an answer's other words."""
        numbers = torch.arange(len(self.questions.fact))
        self.valued = index_of(self.questions.fact[self.is_value], numbers[self.is_value])
        self.worded = index_of(self.questions.fact[~self.is_value], numbers[~self.is_value])

    def freshen(self, tokenizer: Tokenizer, room: int) -> None:
        """Asks `FRESH` new questions to facts; they take the place of no others until there are `room`, and then of the oldest."""
        made = build_questions(self.model, tokenizer, self.banks.facts, FRESH, self.rng)
        missing = room - len(self.questions.fact)
        if missing > 0:
            empty = QuestionBank(*(torch.zeros(missing, *part.shape[1:], dtype=part.dtype) for part in self.questions.__dict__.values()))
            self.oldest, self.first_fresh = len(self.questions.fact), len(self.questions.fact)
            self.questions = self.questions + empty
            self.questions.fact[self.oldest :] = -1
            self.is_value = torch.cat([self.is_value, torch.ones(missing, dtype=torch.bool)])
        rows = slice(self.oldest, self.oldest + FRESH)
        for own, new in zip(self.questions.__dict__.values(), made.__dict__.values(), strict=True):
            own[rows] = new
        self.oldest = self.oldest + FRESH if self.oldest + 2 * FRESH <= room else self.first_fresh
        self.index()
        self.asked = [i for i, fact in enumerate(self.banks.facts.facts) if not fact.is_passkey and i in self.valued]

    def draw(self, most_facts: int, most_filler: float) -> Drawn:
        drawn = Drawn([], [], [])
        for _ in range(GROUPS):
            is_passkey = self.rng.random() < PASSKEYS
            group = [self.rng.choice(self.passkeys)] if is_passkey else self.draw_facts(most_facts)
            values = [self.rng.choice(self.valued[i]) for i in group if i in self.valued][:ASKED]
            words = [self.rng.choice(self.worded[i]) for i in group if i in self.worded][:3]
            drawn.facts.append(group)
            drawn.asked.append(values + words)
            top = most_filler * (PASSKEY_FILLER if is_passkey else 1)
            drawn.filler.append(math.exp(self.rng.uniform(math.log(0.05), math.log(max(0.06, top)))))
        return drawn

    def draw_facts(self, most: int) -> list[int]:
        count = most if self.rng.random() < 0.25 else max(1, round(math.exp(self.rng.uniform(0, math.log(most + 0.5)))))
        chosen = self.rng.sample(self.asked, min(count, ASKED)) + self.rng.sample(self.others, max(0, count - ASKED))
        by_name = {self.banks.facts.facts[i].name: i for i in reversed(chosen)}
        return list(by_name.values())

    def losses(self, most_facts: int, most_filler: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-log of the share on target and that share, [layers, heads]; the loss over answers, and how many of the values' tokens are right."""
        drawn = self.draw(most_facts, most_filler)
        facts = torch.tensor([i for group in drawn.facts for i in group])
        owner = torch.tensor([g for g, group in enumerate(drawn.facts) for _ in group])
        rows = torch.tensor([i for group in drawn.asked for i in group])
        group_of = torch.tensor([g for g, group in enumerate(drawn.asked) for _ in group])
        at = {fact: k for k, fact in reversed(list(enumerate(facts.tolist())))}
        target_of = torch.tensor([at[i] for i in self.questions.fact[rows].tolist()])
        row, place = self.questions.filled[rows].nonzero(as_tuple=True)  # one entry a place where a token is written
        targets = self.banks.facts.targets[facts[target_of]][row, place].float() * self.is_value[rows][row, None]  # [N, pairs]
        aimed = targets.sum(-1) > 0
        group_of, target_of = group_of[row], target_of[row]
        # Each memory counts alike, however many questions it is asked: passkeys have one.
        even = 1 / torch.bincount(group_of, minlength=len(drawn.facts)).float()[group_of]
        ordinary = self.ordinary_code()
        missed, shares, added = [], [], torch.zeros(())
        for i, number in enumerate(self.model.layer_numbers):
            own = self.model.at(number)
            keys, values = own.entries(noisy(self.banks.facts.states[facts, i], own))  # [F, kvHeads, pairs, dim]
            keys = keys * self.banks.facts.filled[facts][:, None, :, None]
            matrix, mass = gathered(keys, values, owner, len(drawn.facts))
            usual = share_of(own, ordinary[:, i])
            weight = torch.tensor(drawn.filler) * self.segment_scale()
            matrix = matrix + weight[:, None, None, None] * usual[0].mean(0)
            mass = mass + weight[:, None, None] * usual[1].mean(0)
            features = own.addresses(self.questions.queries[rows, i][row, place][:, None].float())  # [N, heads, 1, dim]
            folded = features[aimed].unflatten(1, (keys.shape[1], -1)).squeeze(3)  # [N, kvHeads, group, dim]
            hit = torch.einsum("nkgd,nkpd->nkgp", folded, keys[target_of[aimed]]) * targets[aimed][:, None, None]
            whole = torch.einsum("nkgd,nkd->nkg", folded, (mass + functional.softplus(own.null))[group_of[aimed]])
            share = ((hit.sum(-1) + 1e-6) / (whole + 1e-6)).flatten(1)  # [N, heads]
            missed.append(-(share.log() * even[aimed, None]).sum(0) / even[aimed].sum())
            shares.append(share.detach().mean(0))
            kept = (torch.rand(len(features), features.shape[1], 1, 1) > DROPPED) / (1 - DROPPED)
            added = added + self.model.spoken(number, own.read(features, (matrix[group_of], mass[group_of])) * kept)[:, 0]
        last = self.questions.residuals[rows][row, place].float() + added
        logits, wanted = self.among(last, self.questions.wanted[rows][row, place])
        is_value = self.is_value[rows][row]
        weights = torch.where(is_value, 1.0, WORD_WEIGHT) * even
        loss = (functional.cross_entropy(logits, wanted, reduction="none") * weights).sum() / weights.sum()
        right = (logits.argmax(-1) == wanted)[is_value].float().mean()
        return torch.stack(missed), torch.stack(shares), loss, right

    def code_loss(self) -> Tensor:
        """A piece of a segment that stands as if a segment began there; the segments before it in its run are in memory."""
        filler = self.banks.filler
        row = self.rng.choice(self.following)
        first = row - 1
        while filler.follows[first]:
            first -= 1
        read = torch.arange(first, row)
        if self.rng.random() < 0.2:
            read = torch.tensor(self.rng.sample(range(len(filler.tokens)), len(read)))
        at, start = (self.rng.randrange(filler.tokens.shape[1] - size) for size in (CODE_TOKENS, FILLER_TOKENS))
        tokens = filler.tokens[row : row + 1, at : at + CODE_TOKENS]
        queries, last = question_states(self.model, tokens)
        added = torch.zeros(())
        for i, number in enumerate(self.model.layer_numbers):
            own = self.model.at(number)
            states = filler.states[read, i, start : start + FILLER_TOKENS]
            matrix, mass = (part.sum(0, keepdim=True) * self.segment_scale() for part in share_of(own, states))
            features = own.addresses(queries[:, i].float())
            added = added + self.model.spoken(number, own.read(features, (matrix, mass)))
        logits, wanted = self.among((last.float() + added)[0, CODE_START:-1], tokens[0, CODE_START + 1 :])
        return functional.cross_entropy(logits, wanted)

    def ordinary_code(self) -> Tensor:
        """Three segments' states [3, layers, FILLER_TOKENS, width], which stand for all code there is."""
        filler = self.banks.filler.states
        start = self.rng.randrange(filler.shape[2] - FILLER_TOKENS)
        return filler[torch.randint(len(filler), (3,)), :, start : start + FILLER_TOKENS]

    def segment_scale(self) -> float:
        return self.banks.filler.states.shape[2] / (FILLER_TOKENS - 1)

    def among(self, last: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the last residuals [N, hidden] over `CANDIDATES` tokens, and the wanted ones' places among them."""
        frozen = self.model.frozen
        drawn = torch.randint(frozen.config.vocabulary, (CANDIDATES,))
        tokens, place = torch.unique(torch.cat([wanted, drawn]), return_inverse=True)
        hidden = frozen.final_norm(last).to(frozen.embedding.weight.dtype)
        return functional.linear(hidden, frozen.embedding.weight[tokens]).float(), place[: len(wanted)]


def noisy(states: Tensor, own: InfiniLayer) -> Tensor:
    return states.float() + torch.randn(states.shape) * NOISE / own.kv_scale


def share_of(own: InfiniLayer, states: Tensor) -> Memory:
    """Matrices [N, kvHeads, dim, dim] and masses [N, kvHeads, dim] of texts' states [N, T, 2 * kvWidth]."""
    keys, values = own.entries(noisy(states, own))
    return keys.transpose(-1, -2) @ values, keys.sum(-2)


def gathered(keys: Tensor, values: Tensor, owner: Tensor, groups: int) -> Memory:
    """Sums of facts' shares by the memory that they are in."""
    matrix, mass = keys.transpose(-1, -2) @ values, keys.sum(-2)
    return tuple(torch.zeros(groups, *part.shape[1:]).index_add(0, owner, part) for part in (matrix, mass))


@dataclass
class Progress:
    """Where a run stands; `filler` counts segments of 512 tokens."""

    step: int = 0
    seconds: float = 0.0
    facts: float = 12.0
    filler: float = 0.5
    answers: float = 4.0
    right: float = 0.0
    share: float = 0.0
    code: float = 2.0


class Run:
    """The optimiser and curriculum; `state` and `load` make it resume."""

    def __init__(self, trainer: Trainer, tokenizer: Tokenizer) -> None:
        self.trainer, self.progress = trainer, Progress()
        self.tokenizer = tokenizer
        layers = [trainer.model.at(number) for number in trainer.model.layer_numbers]
        self.rates = [
            ([p for own in layers for p in (own.key.weight, own.query.weight, *own.value.parameters())], 1e-3),
            ([p for own in layers for p in (*own.output_down.parameters(), *own.output_up.parameters())], 1e-3),
            ([p for own in layers for p in (own.gate, own.null)], 1e-2),
            ([p for own in layers for p in (own.key.bias, own.query.bias)], 3e-2),  # ordinary code is kept out by thresholds
        ]
        groups = [{"params": group, "lr": rate} for group, rate in self.rates]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), fused=True)

    def state(self) -> dict[str, object]:
        return {"optimizer": self.optimizer.state_dict(), "progress": self.progress.__dict__}

    def load(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def blur(self, size: float) -> None:
        for number in self.trainer.model.layer_numbers:
            self.trainer.model.at(number).blur = size

    def step(self, seconds: float) -> None:
        """One step of a run that takes `seconds` in all."""
        now, started = self.progress, time.time()
        left = max(0.0, seconds - now.seconds)
        fade = min(1.0, (now.step + 1) / 30) * min(1.0, max(0.02, left / (0.4 * seconds)))
        for group, (_, rate) in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * fade
        self.optimizer.zero_grad()
        self.blur(BLUR)
        if now.step % FRESH_STEPS == 0:
            self.trainer.freshen(self.tokenizer, len(self.trainer.banks.values.fact) * 3)
        missed, shares, answers, right = self.trainer.losses(round(now.facts), now.filler)
        (missed.mean() + answers).backward()
        if now.step % 3 == 0:
            code = self.trainer.code_loss()
            (code * CODE_WEIGHT).backward()
            now.code += 0.04 * (code.item() - now.code)
        torch.nn.utils.clip_grad_norm_([p for group, _ in self.rates for p in group], 1.0)
        self.optimizer.step()
        self.blur(0.0)
        now.answers += 0.04 * (answers.item() - now.answers)
        now.right += 0.04 * (right.item() - now.right)
        now.share += 0.04 * (shares.mean().item() - now.share)
        if now.right > 0.5:
            now.facts, now.filler = min(MOST_FACTS, now.facts * 1.03), min(MOST_FILLER, now.filler * 1.05)
        now.step += 1
        now.seconds += time.time() - started


@torch.no_grad()
def exact(trainer: Trainer, tokenizer: Tokenizer, bank: FactBank, facts: int, filler: float, passkeys: bool, asked: int = 32) -> float:
    """Through the whole backbone: the share of held-out facts whose value is written token by token, each after the right ones before it."""
    rng, model = random.Random(5), trainer.model
    pool = [i for i, fact in enumerate(bank.facts) if fact.is_passkey == passkeys]
    right = total = 0
    while total < asked:
        group = torch.tensor(rng.sample(pool, min(facts, len(pool))))
        ordinary, memories = trainer.ordinary_code(), {}
        for i, number in enumerate(model.layer_numbers):
            own = model.at(number)
            keys, values = own.entries(bank.states[group, i].float())
            matrix, mass = gathered(keys * bank.filled[group][:, None, :, None], values, torch.zeros(len(group), dtype=torch.long), 1)
            usual = share_of(own, ordinary[:, i])
            scale = filler * trainer.segment_scale()
            memories[number] = (matrix + scale * usual[0].mean(0), mass + scale * usual[1].mean(0))
        for i in group[:8].tolist():
            question = ask(tokenizer, bank.facts[i], rng, 0.0, "held-out")
            hidden = model(torch.tensor([question.tokens]), memories)[0, [p - 1 for p in question.values]]
            right += int((model.frozen.logits(hidden).argmax(-1) == torch.tensor(question.tokens)[question.values]).all())
            total += 1
    return right / total
