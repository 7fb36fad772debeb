"""Batches for the side network: a project's segments in order, each with a bank of what came before it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from common.backbone import Backbone
from torch import Tensor

from .bank import CHUNK, Bank
from .states import States, taps

BANK_TOKENS = (0, 1024, 2048, 4096, 8192, 12288)
"""Sizes of the own part of a bank that training draws from; a project may have less."""
NOISE = 0.3
"""Share of banks that hold another project's text besides."""


@dataclass
class Prefix:
    """What stands before every segment: its tokens and the backbone's residuals, [taps, tokens, hidden]."""

    tokens: Tensor
    taps: Tensor
    sink_key: Tensor  # [kvHeads, headDim] of the bank's layer, before rope

    @classmethod
    @torch.no_grad()
    def read(cls, backbone: Backbone, tokens: list[int], bank_layer: int) -> Prefix:
        ids = torch.tensor(tokens)
        places = taps(backbone.config.layers)
        device = backbone.embedding.weight.device
        run = backbone(ids[None].to(device), residuals_of=places, projections_of=[bank_layer])
        residuals = torch.stack([run.residuals[layer][0] for layer in places]).cpu()
        return cls(ids, residuals, run.keys[bank_layer][0, :, 0].cpu())


class ProjectBank:
    """The bank of a whole project; what came before a segment is a beginning of it."""

    def __init__(self, states: States) -> None:
        parts = [(states.keys[span.text : span.end], states.values[span.text : span.end]) for span in states.spans]
        self.starts = [0]
        for key, _ in parts:
            self.starts.append(self.starts[-1] + len(key) + -len(key) % CHUNK)
        self.whole = Bank.of(parts, *states.keys.shape[1:])

    def before(self, segment: int, tokens: int) -> Bank:
        """The last `tokens` tokens (padding counted) before a segment."""
        end = self.starts[segment]
        return self.whole.part(max(0, end - tokens), end)


@dataclass
class Batch:
    tokens: Tensor  # [B, T]
    taps: list[Tensor]  # [B, T, hidden], those from the first side layer on
    targets: Tensor  # [B, T], -1 where no loss is taken
    banks: list[Bank]


class Sampler:
    """Draws batches; the same random numbers, the same batches."""

    def __init__(self, projects: list[States], prefix: Prefix, first_tap: int) -> None:
        self.projects = projects
        self.banks = [ProjectBank(states) for states in projects]
        self.prefix = prefix
        self.first_tap = first_tap

    def draw(self, generator: random.Random, size: int) -> Batch:
        """`size` segments of different places."""
        chosen = []
        for _ in range(size):
            project = generator.randrange(len(self.projects))
            segment = generator.choice(self.projects[project].predictable)
            bank = self.banks[project].before(segment, generator.choice(BANK_TOKENS))
            if generator.random() < NOISE:
                bank = bank + self.noise(generator)
            chosen.append((project, segment, bank))
        return self.batch(chosen)

    def noise(self, generator: random.Random) -> Bank:
        other = generator.choice(self.banks)
        return other.before(generator.randrange(1, len(other.starts)), generator.choice(BANK_TOKENS[1:]))

    def batch(self, chosen: list[tuple[int, int, Bank]]) -> Batch:
        """Of (project, segment, bank); shorter texts are padded at their end, where causal attention does not look."""
        lead = len(self.prefix.tokens)
        spans = [self.projects[project].spans[segment] for project, segment, _ in chosen]
        longest = lead + max(span.end - span.start for span in spans)
        tokens = torch.zeros(len(chosen), longest, dtype=torch.long)
        targets = torch.full_like(tokens, -1)
        count, hidden = self.prefix.taps.shape[0], self.prefix.taps.shape[2]
        places = range(self.first_tap, count)
        residuals = [torch.zeros(len(chosen), longest, hidden) for _ in places]
        for row, ((project, _, _), span) in enumerate(zip(chosen, spans, strict=True)):
            states = self.projects[project]
            end = lead + span.end - span.start
            tokens[row, :lead], tokens[row, lead:end] = self.prefix.tokens, states.tokens[span.start : span.end]
            text = end - (span.end - span.text)
            targets[row, text - 1 : end - 1] = tokens[row, text:end]
            for residual, tap in zip(residuals, places, strict=True):
                residual[row, :lead] = self.prefix.taps[tap]
                residual[row, lead:end] = states.residuals(tap, span.start, span.end)
        return Batch(tokens, residuals, targets, [bank for _, _, bank in chosen])
