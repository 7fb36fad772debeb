"""One training run: the optimiser, the curriculum, and where it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import nn

from .trainer import Trainer

WEIGHTS = {"answers": 1.0, "missed": 0.1, "silence": 0.02, "quiet": 0.3, "added": 1.0}
"""Of losses."""
MOST_FACTS, MOST_FILLER = 24, 25_000
"""Of one memory; filler in tokens."""
SURE = 0.7
"""Share of right tokens above which memories grow."""


@dataclass
class Progress:
    """Where a run stands; `filler` counts tokens. The last five are losses of `Trainer.losses`, `first` and `later` shares of memory."""

    step: int = 0
    seconds: float = 0.0
    facts: float = 16.0
    filler: float = 8000.0
    right: float = 0.8
    words: float = 0.0
    first: float = 0.0
    later: float = 0.0
    missed: float = 3.0
    answers: float = 8.0
    silence: float = 10.0
    quiet: float = 0.0
    added: float = 0.0


class Run:
    """The optimiser and curriculum; `state` and `load` make it resume."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.progress = trainer, Progress()
        layers = trainer.layers
        self.rates = [
            ([p for own in layers for p in (own.key.weight, own.query.weight)], 2e-3),
            ([p for own in layers for p in own.value.parameters()], 1e-5),
            ([p for own in layers for p in (*own.output_down.parameters(), *own.output_up.parameters())], 1e-3),
            ([p for own in layers for p in (own.gate, own.null, own.key.bias, own.query.bias)], 3e-3),
        ]
        groups = [{"params": group, "lr": rate} for group, rate in self.rates]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), fused=True)

    def state(self) -> dict[str, object]:
        trainer = {"rng": self.trainer.rng.getstate(), "usual": self.trainer.usual}
        return {"optimizer": self.optimizer.state_dict(), "progress": self.progress.__dict__, "trainer": trainer}

    def load(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        self.trainer.rng.setstate(state["trainer"]["rng"])
        self.trainer.usual = state["trainer"]["usual"]

    def step(self, seconds: float) -> None:
        """One step of a run that takes `seconds` in all."""
        now, started = self.progress, time.time()
        left = max(0.0, seconds - now.seconds)
        fade = min(1.0, (now.step + 1) / 50) * min(1.0, max(0.02, left / (0.5 * seconds)))
        for group, (_, rate) in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * fade
        self.optimizer.zero_grad()
        found = self.trainer.losses(now.facts, now.filler)
        sum(weight * found[name] for name, weight in WEIGHTS.items()).backward()
        figures = {name: value.item() for name, value in found.items()}
        nn.utils.clip_grad_norm_([p for group, _ in self.rates for p in group if p.grad is not None], 5.0)
        self.optimizer.step()
        for name, value in figures.items():
            setattr(now, name, getattr(now, name) + 0.03 * (value - getattr(now, name)))
        if now.right > SURE:
            now.facts, now.filler = min(MOST_FACTS, now.facts * 1.01), min(MOST_FILLER, now.filler * 1.02)
        now.step += 1
        now.seconds += time.time() - started
