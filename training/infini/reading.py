"""The second stage: maps of values, gates and output, and all of the first stage's, trained through the backbone to say what is in memory."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from .addresses import NOISE, AddressTrainer
from .bank import FactBank, Question, ask
from .memory import InfiniLayer, InfiniModel, Memory

ASKED = 6
"""Questions to one memory."""
WORD_WEIGHT = 0.2
"""Of an answer's words besides the value."""
CODE_TOKENS = 96
CODE_WEIGHT = 0.4


def share_of(own: InfiniLayer, states: Tensor, filled: Tensor | None = None, noise: float = NOISE) -> Memory:
    """Matrices [N, kvHeads, dim, dim] and masses [N, kvHeads, dim] of texts' states [N, T, 2 * kvWidth]."""
    states = states.float() + (torch.randn(states.shape) * noise / own.kv_scale if noise else 0)
    keys, values = own.entries(states)
    keys = keys if filled is None else keys * filled[:, None, :, None]
    return keys.transpose(-1, -2) @ values, keys.sum(-2)


class ReadingTrainer:
    def __init__(self, trainer: AddressTrainer, tokenizer: Tokenizer) -> None:
        self.trainer, self.tokenizer = trainer, tokenizer
        self.model, self.rng = trainer.model, trainer.rng
        follows = trainer.filler.follows.tolist()
        self.runs = [i for i in range(len(follows) - 4) if not follows[i] and all(follows[i + 1 : i + 5])]

    def memories(self, groups: list[list[int]], weights: list[float], bank: FactBank, noise: float = NOISE) -> dict[int, Memory]:
        """By layer, one memory a group: its facts, and ordinary code `weights` segments long."""
        facts = torch.tensor([i for group in groups for i in group])
        owner = torch.tensor([g for g, group in enumerate(groups) for _ in group])
        filler = self.trainer.filler.states
        segments = torch.randint(len(filler), (3,))
        start = int(torch.randint(0, filler.shape[2] - 192, ()))
        scale = torch.tensor(weights) * (filler.shape[2] / 191 / len(segments))
        made = {}
        for i, number in enumerate(self.model.layer_numbers):
            own = self.model.at(number)
            matrix, mass = share_of(own, bank.states[facts, i], bank.filled[facts], noise)
            more, much = share_of(own, filler[segments, i, start : start + 192], None, noise)
            made[number] = (
                torch.zeros(len(groups), *matrix.shape[1:]).index_add(0, owner, matrix) + scale[:, None, None, None] * more.sum(0),
                torch.zeros(len(groups), *mass.shape[1:]).index_add(0, owner, mass) + scale[:, None, None] * much.sum(0),
            )
        return made

    def answers(self, questions: list[Question], memories: dict[int, Memory], owner: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Logits where answers are written [N, vocabulary], what should come there [N], and weights of the loss [N]."""
        tokens = torch.zeros(len(questions), max(len(q.tokens) for q in questions), dtype=torch.long)
        wanted, weights = torch.full_like(tokens, -1), torch.zeros(tokens.shape)
        for row, question in enumerate(questions):
            size = len(question.tokens)
            tokens[row, :size] = torch.tensor(question.tokens)
            wanted[row, question.first - 1 : size - 1] = tokens[row, question.first : size]
            weights[row, question.first - 1 : size - 1] = WORD_WEIGHT
            weights[row, [p - 1 for p in question.values]] = 1.0
        index = torch.tensor(owner)
        own = {number: (matrix[index], mass[index]) for number, (matrix, mass) in memories.items()}
        hidden = self.model(tokens, own)
        there = wanted >= 0
        return self.model.frozen.logits(hidden[there]), wanted[there], weights[there]

    def fact_loss(self, most_facts: int, most_filler: float) -> tuple[Tensor, Tensor]:
        """The loss over answers, and which tokens of values are right."""
        groups, _, filler = self.trainer.draw(most_facts, most_filler)
        memories = self.memories(groups, filler, self.trainer.facts)
        asked = [(g, self.trainer.facts.facts[i]) for g, group in enumerate(groups) for i in self.rng.sample(group, min(ASKED, len(group)))]
        made = sorted(((ask(self.tokenizer, fact, self.rng), g) for g, fact in asked), key=lambda pair: len(pair[0].tokens))
        half = len(made) // 2
        parts = [self.answers([q for q, _ in part], memories, [g for _, g in part]) for part in (made[:half], made[half:]) if part]
        logits, wanted, weights = (torch.cat([part[i] for part in parts]) for i in range(3))
        loss = (functional.cross_entropy(logits, wanted, reduction="none") * weights).sum() / weights.sum()
        return loss, (logits.argmax(-1) == wanted)[weights == 1].float().mean()

    def code_loss(self) -> Tensor:
        """Of the beginning of a segment, whose project's four segments before it are in memory; one time in five, another's."""
        filler = self.trainer.filler
        row = self.rng.choice(self.runs)
        read = self.rng.choice(self.runs) if self.rng.random() < 0.2 else row
        places = torch.randint(0, filler.states.shape[2] - 192, (4,))
        memories = {}
        for i, number in enumerate(self.model.layer_numbers):
            states = torch.stack([filler.states[read + k, i, p : p + 192] for k, p in enumerate(places.tolist())])
            matrix, mass = share_of(self.model.at(number), states)
            scale = filler.states.shape[2] / 191
            memories[number] = (matrix.sum(0, keepdim=True) * scale, mass.sum(0, keepdim=True) * scale)
        tokens = filler.tokens[row + 4 : row + 5, :CODE_TOKENS]
        hidden = self.model(tokens, memories)
        return functional.cross_entropy(self.model.frozen.logits(hidden[0, 24:-1]), tokens[0, 25:])

    @torch.no_grad()
    def exact(self, bank: FactBank, facts: int, filler: float, passkeys: bool, asked: int = 32, completions: float = 0.0) -> float:
        """Share of held-out facts whose value is written token by token, each after the right ones before it."""
        rng = random.Random(5)
        pool = [i for i, fact in enumerate(bank.facts) if fact.is_passkey == passkeys]
        right = total = 0
        while total < asked:
            group = rng.sample(pool, min(facts, len(pool)))
            memories = self.memories([group], [filler], bank, noise=0.0)
            questions = [ask(self.tokenizer, bank.facts[i], rng, completions, "held-out") for i in group[:8]]
            logits, wanted, weights = self.answers(questions, memories, [0] * len(questions))
            found, at = (logits.argmax(-1) == wanted), 0
            for question in questions:
                size = len(question.tokens) - question.first
                valued = weights[at : at + size] == 1
                right += int(found[at : at + size][valued].all())
                at, total = at + size, total + 1
        return right / total


@dataclass
class Progress:
    """Where a run stands; `filler` counts segments, passkeys get 64 times as many."""

    step: int = 0
    seconds: float = 0.0
    facts: float = 3.0
    filler: float = 0.2
    loss: float = 3.0
    right: float = 0.0
    code: float = 1.5


class ReadingRun:
    """The optimiser and curriculum of the second stage; `state` and `load` make it resume."""

    def __init__(self, reading: ReadingTrainer) -> None:
        self.reading, self.progress = reading, Progress()
        layers = [reading.model.at(number) for number in reading.model.layer_numbers]
        self.rates = [
            ([p for own in layers for p in (*own.key.parameters(), *own.query.parameters())], 3e-4),
            ([p for own in layers for p in own.value.parameters()], 5e-4),
            ([p for own in layers for p in (*own.output_down.parameters(), *own.output_up.parameters())], 1e-3),
            ([p for own in layers for p in (own.gate, own.null)], 2e-2),
        ]
        groups = [{"params": group, "lr": rate} for group, rate in self.rates]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), fused=True)

    def state(self) -> dict[str, object]:
        return {"optimizer": self.optimizer.state_dict(), "progress": self.progress.__dict__}

    def load(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def step(self, seconds: float) -> None:
        """One step of a run that takes `seconds` in all."""
        now, started = self.progress, time.time()
        left = max(0.0, seconds - now.seconds)
        fade = min(1.0, (now.step + 1) / 20) * min(1.0, max(0.03, left / (0.4 * seconds)))
        for group, (_, rate) in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * fade
        self.optimizer.zero_grad()
        loss, right = self.reading.fact_loss(round(now.facts), now.filler)
        loss.backward()
        if now.step % 2 == 0:
            code = self.reading.code_loss()
            (code * CODE_WEIGHT).backward()
            now.code += 0.05 * (code.item() - now.code)
        torch.nn.utils.clip_grad_norm_([p for group, _ in self.rates for p in group], 1.0)
        self.optimizer.step()
        now.loss += 0.1 * (loss.item() - now.loss)
        now.right += 0.1 * (right.item() - now.right)
        if now.right > 0.7:
            now.facts, now.filler = min(32, now.facts * 1.04), min(32, now.filler * 1.08)
        now.step += 1
        now.seconds += time.time() - started

    def held_out(self, bank: FactBank) -> dict[str, float]:
        """Names and questions that training has not seen; the passkeys' memories hold 5 thousand and a million tokens."""
        exact = self.reading.exact
        return {
            "held_out_2": exact(bank, 2, 2.0, False),
            "held_out_8": exact(bank, 8, 10.0, False),
            "held_out_32": exact(bank, 32, 10.0, False),
            "passkey_5k": exact(bank, 1, 10.0, True, 10),
            "passkey_1m": exact(bank, 1, 2000.0, True, 10),
        }
