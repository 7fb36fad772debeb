"""The first stage: teaches each head where to look, and what it finds there to say, without running the backbone.

For the place before each token of a value, the share of the memory's mass that lies on what was written for that token is raised, in
every head by itself (contrastive retrieval over the facts and the code that share a memory). What is read then is added to the
backbone's last residual as if no layer stood between, and has to make the token likely. The backbone's states are the banks', so a step
costs a tenth of one end to end. It is what makes association learnable in an hour of one core.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from common.backbone import join_heads

from .bank import FactBank, FillerBank, QuestionBank
from .memory import InfiniLayer, InfiniModel, product

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

    def losses(self, most_facts: int, most_filler: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-log of the share on target and that share, [layers, heads]; the loss over tokens of values, and how many are right."""
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
        rows, shares, added = [], [], torch.zeros(len(questions), filled.shape[1], self.model.config.hidden)
        for i, number in enumerate(self.model.layer_numbers):
            own = self.model.at(number)
            keys, values = own.entries(noisy(self.facts.states[facts, i], own))  # [F, kvHeads, pairs, dim]
            keys = keys * self.facts.filled[facts][:, None, :, None]
            ordinary, usual = own.entries(noisy(self.filler.states[segments, i, start : start + 192], own))
            scale = self.filler.states.shape[2] / 191 / len(segments)
            mass = torch.zeros(len(groups), *keys.shape[1::2]).index_add(0, owner, keys.sum(2))
            mass = mass + weight[:, None, None] * (ordinary.sum((0, 2)) * scale)
            matrix = torch.zeros(len(groups), *mass.shape[1:], mass.shape[-1]).index_add(0, owner, keys.transpose(-1, -2) @ values)
            matrix = matrix + weight[:, None, None, None] * ((ordinary.transpose(-1, -2) @ usual).sum(0) * scale)
            features = own.addresses(self.questions.queries[questions, i].float())  # [Q, heads, J, dim]
            folded = features.unflatten(1, (keys.shape[1], -1))  # [Q, kvHeads, group, J, dim]
            hit = torch.einsum("qkgjd,qkpd->qkgjp", folded, keys[target_of]) * targets[:, None, None]
            whole = torch.einsum("qkgjd,qkd->qkgj", folded, (mass + functional.softplus(own.null))[group_of])
            share = ((hit.sum(-1) + 1e-6) / (whole + 1e-6)).flatten(1, 2)  # [Q, heads, J]
            read = torch.einsum("qkgjd,qkde->qkgje", folded, matrix[group_of]) / (whole + 1e-6)[..., None]
            read = join_heads(read.flatten(1, 2) * torch.sigmoid(own.gate)[:, None, None])
            added = added + self.model.frozen.layers[number].output(read) + product(own.output_up, product(own.output_down, read))
            there = filled[:, None].expand_as(share)
            rows.append((-(share.log()) * there).sum((0, 2)) / there.sum((0, 2)))
            shares.append((share * there).sum((0, 2)) / there.sum((0, 2)))
        hidden = self.model.frozen.final_norm(self.questions.residuals[questions].float() + added)[filled]
        wanted = self.questions.wanted[questions][filled]
        logits = self.model.frozen.logits(hidden)
        right = (logits.argmax(-1) == wanted).float().mean()
        return torch.stack(rows), torch.stack(shares), functional.cross_entropy(logits, wanted), right


def train_addresses(trainer: AddressTrainer, seconds: float, report: Callable[..., None]) -> None:
    """Raises facts to 32 and filler to 16 segments as the loss allows."""
    model = trainer.model
    layers = [model.at(number) for number in model.layer_numbers]
    rates = [
        ([p for own in layers for p in (*own.key.parameters(), *own.query.parameters(), *own.value.parameters())], 1e-3),
        ([p for own in layers for p in (*own.output_down.parameters(), *own.output_up.parameters())], 1e-3),
        ([p for own in layers for p in (own.gate, own.null)], 2e-2),
    ]
    parameters = [p for group, _ in rates for p in group]
    optimizer = torch.optim.Adam([{"params": group, "lr": rate} for group, rate in rates], betas=(0.9, 0.98), fused=True)
    start, step, smooth = time.time(), 0, None
    facts, filler, right_now = 2.0, 0.1, 0.0
    while (passed := time.time() - start) < seconds:
        for group, (_, rate) in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1, (step + 1) / 30) * min(1, max(0.05, (seconds - passed) / (0.3 * seconds)))
        loss, share, spoken, right = trainer.losses(round(facts), filler)
        optimizer.zero_grad()
        (loss.mean() + spoken).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        smooth = share.detach() if smooth is None else smooth * 0.97 + share.detach() * 0.03
        right_now += 0.03 * (right.item() - right_now)
        if right_now > 0.6:
            facts, filler = min(32, facts * 1.03), min(16, filler * 1.05)
        step += 1
        if step % 20 == 0:
            report(step, loss=loss.mean().item(), spoken=spoken.item(), right=right_now, share=smooth.mean().item(), best=smooth.max().item(), facts=facts, filler=filler)
