"""The first stage: teaches each head where to look, before anything is read.

For the place before each token of a value, the share of the memory's mass that lies on what was written for that token is raised, in
every head by itself (contrastive retrieval over the facts and the code that share a memory). The backbone does not run: its states are
the banks'. It is what makes association learnable in an hour of one core; end-to-end training alone finds the one salient fact only.
"""

from __future__ import annotations

import math
import random
import time

import torch
from torch import Tensor
from torch.nn import functional

from .bank import FactBank, FillerBank, QuestionBank
from .memory import InfiniLayer, InfiniModel

GROUPS = 4
"""Memories in a step."""
NOISE = 0.05
"""Of standardised states: the store keeps keys and values in a few bits."""


def noisy(states: Tensor, own: InfiniLayer) -> Tensor:
    return states.float() + torch.randn(states.shape) * NOISE / own.kv_scale


class AddressTrainer:
    def __init__(self, model: InfiniModel, facts: FactBank, filler: FillerBank, questions: QuestionBank, seed: int = 0) -> None:
        self.model, self.facts, self.filler, self.questions = model, facts, filler, questions
        self.rng = random.Random(seed)
        self.asked: dict[int, list[int]] = {}
        for index, fact in enumerate(questions.fact.tolist()):
            self.asked.setdefault(fact, []).append(index)
        self.passkeys = [i for i, fact in enumerate(facts.facts) if fact.is_passkey and i in self.asked]
        self.others = [i for i, fact in enumerate(facts.facts) if not fact.is_passkey and i in self.asked]
        self.unasked = [i for i, fact in enumerate(facts.facts) if not fact.is_passkey]

    def draw(self, most_facts: int, most_filler: float) -> tuple[list[list[int]], list[list[int]], list[float]]:
        """Facts of each memory, which of them are asked for, and how many filler segments it holds."""
        groups, asked, weights = [], [], []
        for _ in range(GROUPS):
            count = max(1, round(math.exp(self.rng.uniform(0, math.log(most_facts + 0.5)))))
            is_passkey = self.rng.random() < 0.15
            first = [self.rng.choice(self.passkeys)] if is_passkey else self.rng.sample(self.others, min(count, 12))
            rest = [] if is_passkey else self.rng.sample(self.unasked, max(0, count - 12))
            names: set[str] = set()
            chosen = [i for i in first + rest if not (self.facts.facts[i].name in names or names.add(self.facts.facts[i].name))]
            groups.append(chosen)
            asked.append([self.rng.choice(self.asked[i]) for i in chosen if i in self.asked][:12])
            top = most_filler * (64 if is_passkey else 1)
            weights.append(math.exp(self.rng.uniform(math.log(0.05), math.log(max(0.06, top)))))
        return groups, asked, weights

    def losses(self, most_facts: int, most_filler: float) -> tuple[Tensor, Tensor]:
        """-log of the share on target, and that share: [layers, heads]."""
        groups, asked, weights = self.draw(most_facts, most_filler)
        facts = torch.tensor([i for group in groups for i in group])
        owner = torch.tensor([g for g, group in enumerate(groups) for _ in group])
        questions = torch.tensor([i for group in asked for i in group])
        group_of = torch.tensor([g for g, group in enumerate(asked) for _ in group])
        at = {fact: k for k, fact in enumerate(facts.tolist())}
        target_of = torch.tensor([at[i] for i in self.questions.fact[questions].tolist()])
        targets = self.facts.targets[facts[target_of]].float()  # [Q, J, pairs]
        filled = self.questions.filled[questions] & (targets.sum(-1) > 0)
        segments = torch.randint(len(self.filler.states), (3,))
        start = int(torch.randint(0, self.filler.states.shape[2] - 192, ()))
        weight = torch.tensor(weights)
        rows, shares = [], []
        for i, number in enumerate(self.model.layer_numbers):
            own = self.model.at(number)
            keys = own.entries(noisy(self.facts.states[facts, i], own))[0]  # [F, kvHeads, pairs, dim]
            keys = keys * self.facts.filled[facts][:, None, :, None]
            ordinary = own.entries(noisy(self.filler.states[segments, i, start : start + 192], own))[0]
            scale = self.filler.states.shape[2] / 191 / len(segments)
            mass = torch.zeros(len(groups), *keys.shape[1::2]).index_add(0, owner, keys.sum(2))
            mass = mass + weight[:, None, None] * (ordinary.sum((0, 2)) * scale)
            features = own.addresses(self.questions.queries[questions, i].float())  # [Q, heads, J, dim]
            folded = features.unflatten(1, (keys.shape[1], -1))  # [Q, kvHeads, group, J, dim]
            hit = torch.einsum("qkgjd,qkpd->qkgjp", folded, keys[target_of]) * targets[:, None, None]
            whole = torch.einsum("qkgjd,qkd->qkgj", folded, (mass + functional.softplus(own.null))[group_of])
            share = ((hit.sum(-1) + 1e-6) / (whole + 1e-6)).flatten(1, 2)  # [Q, heads, J]
            there = filled[:, None].expand_as(share)
            rows.append((-(share.log()) * there).sum((0, 2)) / there.sum((0, 2)))
            shares.append((share * there).sum((0, 2)) / there.sum((0, 2)))
        return torch.stack(rows), torch.stack(shares)


def train_addresses(trainer: AddressTrainer, seconds: float, report) -> Tensor:
    """Raises facts to 32 and filler to 16 segments as the loss allows; returns each head's share on target, [layers, heads]."""
    model = trainer.model
    parameters = [p for own in model.infini.values() for p in (*own.key.parameters(), *own.query.parameters(), own.null)]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, betas=(0.9, 0.98))
    start, step, smooth = time.time(), 0, None
    facts, filler = 2.0, 0.1
    while (passed := time.time() - start) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, step / 30) * min(1, max(0.05, (seconds - passed) / (0.3 * seconds)))
        loss, share = trainer.losses(round(facts), filler)
        optimizer.zero_grad()
        loss.mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        smooth = share.detach() if smooth is None else smooth * 0.97 + share.detach() * 0.03
        best = smooth.flatten().topk(24).values.mean().item()
        if best > 0.5:
            facts, filler = min(32, facts * 1.03), min(16, filler * 1.05)
        step += 1
        if step % 20 == 0:
            report(step, loss=loss.mean().item(), share=smooth.mean().item(), best=best, facts=facts, filler=filler)
    return smooth
