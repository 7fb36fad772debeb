"""Trains the side network on cached states; a run that was broken off goes on where it stood."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from common.runs import Curves, load_checkpoint, save_checkpoint, seed_all
from torch import Tensor, nn
from torch.nn import functional

from .bank import Bank, Found, retrieve
from .batches import Batch, Sampler
from .questions import Questioner
from .side_net import SideNet


@dataclass(frozen=True)
class Plan:
    """How long and how fast. Scales and gates start at 0 and decide everything: they learn faster, and do not decay."""

    steps: int
    batch: int = 4
    questions: int = 2
    """Asked beside the segments of a batch."""
    answer_weight: float = 0.3
    """Of the mean loss of answers. Counted in full, it made code harder to predict: by 0.05 nats a token within 50 steps."""
    rate: float = 1e-3
    switch_rate: float = 1e-2
    warm_up: int = 30
    decay: float = 0.05
    tune_every: int = 50
    save_every: int = 25
    seed: int = 0


SWITCHES = ("scale", "gate", "null_bias", "temperature", "by_size")


def optimizer_of(net: SideNet, plan: Plan) -> torch.optim.AdamW:
    named = list(net.named_parameters())
    switches = [parameter for name, parameter in named if name.endswith(SWITCHES)]
    others = [parameter for name, parameter in named if not name.endswith(SWITCHES)]
    groups = [
        {"params": others, "lr": plan.rate, "weight_decay": plan.decay, "peak": plan.rate},
        {"params": switches, "lr": plan.switch_rate, "weight_decay": 0.0, "peak": plan.switch_rate},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def factor(step: int, plan: Plan) -> float:
    """Of the peak learning rates: a short rise, then half a cosine down to a twentieth."""
    rise = min(1.0, (step + 1) / plan.warm_up)
    return rise * (0.05 + 0.95 * (1 + math.cos(math.pi * min(1.0, step / plan.steps))) / 2)


def losses(net: SideNet, batch: Batch, vocabulary: Tensor | None = None) -> Tensor:
    """Nats of each target, [targets]. With `vocabulary` (ids, sorted, holding all targets) the softmax is over these alone."""
    weight = net.backbone[0].embedding.weight
    with torch.no_grad():
        query = net.queries(batch.taps[net.config.bank_layer // 2 - net.config.first_layer].to(weight.device))
        found = retrieve(batch.banks, query, weight.dtype) if any(len(bank) > 0 for bank in batch.banks) else None
    return losses_of(net, batch, query, found, vocabulary)


def losses_of(net: SideNet, batch: Batch, query: Tensor, found: Found | None, vocabulary: Tensor | None = None) -> Tensor:
    """The same, with what was found already."""
    backbone = net.backbone[0]
    dtype, device = backbone.embedding.weight.dtype, backbone.embedding.weight.device
    positions = torch.arange(batch.tokens.shape[1], device=device)
    hidden = net([residual.to(device) for residual in batch.taps], positions, query, found)
    targets = batch.targets.to(device)
    wanted = targets >= 0
    hidden, targets = hidden[wanted], targets[wanted]
    if vocabulary is None:
        return functional.cross_entropy(backbone.logits(hidden), targets, reduction="none")
    weight = backbone.embedding.weight[vocabulary]
    logits = functional.linear(hidden.to(dtype), weight).float()
    return functional.cross_entropy(logits, torch.searchsorted(vocabulary, targets), reduction="none")


@torch.no_grad()
def tune_figures(net: SideNet, sampler: Sampler, per_project: int = 3) -> dict[str, float]:
    """Nats a token on the tuning projects' last segments: with their own bank, another project's and none."""
    sums = {"own": 0.0, "other": 0.0, "empty": 0.0}
    count = 0
    for index, states in enumerate(sampler.projects):
        end = len(states.spans)
        other = sampler.banks[(index + 1) % len(sampler.projects)]
        step = 2
        for segment in range(end - per_project * step, end, step):
            empty = sampler.banks[index].whole.part(0, 0)
            banks: dict[str, Bank] = {
                "own": sampler.banks[index].before(segment, 8192),
                "other": other.before(len(other.starts) - 1, 8192),
                "empty": empty,
            }
            for name, bank in banks.items():
                nats = losses(net, sampler.batch([(index, segment, bank)]))
                sums[name] += nats.sum().item()
            count += len(nats)
    return {name: total / count for name, total in sums.items()}


def train(
    net: SideNet,
    sampler: Sampler,
    tuning: Sampler,
    plan: Plan,
    folder: Path,
    curves_path: Path,
    vocabulary: Tensor,
    questioner: Questioner | None = None,
    stop: int | None = None,
) -> None:
    """Runs `plan` to its end, or to step `stop`; writes `folder`/run.pt and the curves as it goes."""
    seed_all(plan.seed)
    generator = random.Random(plan.seed)
    optimizer = optimizer_of(net, plan)
    state = load_checkpoint(folder / "run.pt")
    start = 0
    if state:
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        generator.setstate(state["generator"])
        start = state["step"]
    curves = Curves(curves_path, start)
    if start == 0:
        curves.add(0, **tune_figures(net, tuning))
    seconds = time.monotonic()
    for step in range(start, plan.steps if stop is None else stop):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor(step, plan)
        loss = losses(net, sampler.draw(generator, plan.batch), vocabulary).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        figures = {"loss": loss.item()}
        if questioner and plan.questions > 0:
            answers = losses(net, questioner.draw(generator, plan.questions)).mean()
            (plan.answer_weight * answers).backward()
            figures["answers"] = answers.item()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        done = step + 1
        if done % plan.tune_every == 0 or done == plan.steps:
            figures |= tune_figures(net, tuning)
        curves.add(done, **figures)
        if done % plan.save_every == 0 or done == plan.steps:
            kept = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "generator": generator.getstate()}
            save_checkpoint(folder / "run.pt", step=done, **kept)
            each = (time.monotonic() - seconds) / (done - start)
            print(f"step {done}/{plan.steps}, {each:.2f} s a step, {figures}", flush=True)
