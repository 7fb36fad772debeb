"""One training run: the optimiser, the curriculum, and where it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import nn

from .trainer import Trainer

SILENCE, CODE = 0.3, 2.0
"""Weights of losses."""
MOST_FACTS, MOST_FILLER = 40, 50_000
"""Of one memory; filler in tokens."""
ADDRESSED = 450
"""Steps at the beginning that have the addresses' loss alone: what is read from wrong addresses teaches output maps nothing."""


@dataclass
class Progress:
    """Where a run stands; `filler` counts tokens. `harm` is by how much memory makes code harder to predict, in nats."""

    step: int = 0
    seconds: float = 0.0
    facts: float = 8.0
    filler: float = 2000.0
    missed: float = 5.0
    answers: float = 4.0
    right: float = 0.0
    share: float = 0.0
    words: float = 0.0
    code: float = 2.0
    harm: float = 0.0


class Run:
    """The optimiser and curriculum; `state` and `load` make it resume."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.progress = trainer, Progress()
        layers = trainer.layers
        self.rates = [
            ([p for own in layers for p in (own.key.weight, own.query.weight)], 5e-3),
            ([p for own in layers for p in own.value.parameters()], 3e-4),
            ([p for own in layers for p in (*own.output_down.parameters(), *own.output_up.parameters())], 2e-3),
            ([p for own in layers for p in (own.gate, own.null, own.key.bias, own.query.bias)], 1.5e-2),
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
        fade = min(1.0, (now.step + 1) / 50) * min(1.0, max(0.02, left / (0.5 * seconds)))
        for group, (_, rate) in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * fade
        self.optimizer.zero_grad()
        is_early = now.step < ADDRESSED
        found = self.trainer.losses(now.facts, now.filler, answers=not is_early)
        (found["missed"] if is_early else 0.5 * found["missed"] + found["answers"] + SILENCE * found["silence"]).backward()
        figures = {name: found[name].item() for name in ("missed", "answers", "right", "share", "words") if name in found}
        if not is_early and now.step % 2 == 0:
            with_memory, without, quiet = self.trainer.code_loss()
            (with_memory * CODE + quiet).backward()
            figures |= {"code": with_memory.item(), "harm": with_memory.item() - without.item()}
        nn.utils.clip_grad_norm_([p for group, _ in self.rates for p in group if p.grad is not None], 5.0)
        self.optimizer.step()
        for name, value in figures.items():
            setattr(now, name, getattr(now, name) + 0.03 * (value - getattr(now, name)))
        if is_early or now.right > 0.7:
            now.facts, now.filler = min(MOST_FACTS, now.facts * 1.01), min(MOST_FILLER, now.filler * 1.02)
        now.step += 1
        now.seconds += time.time() - started
