"""Which layer makes the best bank? `python -m longmem.choose_layer MODEL.gguf` prints a row a layer.

On projects that are trained or tuned on: a bank of 8,000 tokens, un-rotated, searched as the side network will. Each head by itself copies: the
weights of what it found, by token, are mixed with the backbone's prediction. The gain is in nats a token; that with another project's
bank is the control. `same` copies the token that was found (its key tells what stands before it, as an induction head's does), `next` its successor.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from common.backbone import Backbone
from common.corpus import Project, projects
from common.gguf_model import read_backbone, read_tokenizer
from common.segments import prefix_tokens, segments
from tokenizers import Tokenizer
from torch import Tensor

from .bank import Bank
from .states import enough

PROJECTS = ("rich", "effect", "urllib3", "re2", "knip")
BANK, SCORED = 8_000, 1_500
COPIED = 0.15
"""Weight of what is copied in the mixture."""


@dataclass
class Measured:
    banks: list[Bank]  # a layer
    same: Tensor  # token of each row, -1 for padding
    next: Tensor
    scored: list[tuple[Tensor, Tensor, Tensor]]  # queries [layers, heads, T, headDim], targets [T], backbone's probability of them [T]


@torch.no_grad()
def measure(project: Project, backbone: Backbone, tokenizer: Tokenizer) -> Measured:
    """The project's first tokens as banks of every layer, and queries of those behind them."""
    prefix, layers = prefix_tokens(tokenizer), range(backbone.config.layers)
    parts: list[list[tuple[Tensor, Tensor]]] = [[] for _ in layers]
    same, following, scored, read = [], [], [], 0
    for segment in enough(segments(project, tokenizer), BANK + SCORED):
        own = len(prefix) + len(segment.header)
        run = backbone(torch.tensor([prefix + segment.header + segment.tokens]), projections_of=layers)
        if read < BANK:
            for layer in layers:
                parts[layer].append((run.keys[layer][0, :, own:].transpose(0, 1), run.values[layer][0, :, own:].transpose(0, 1)))
            padding = [-1] * (-len(segment.tokens) % 4)
            same += segment.tokens + padding
            following += [*segment.tokens[1:], -1, *padding]
        else:
            targets = torch.tensor(segment.tokens[1:])
            likely = backbone.logits(run.hidden[0, own:-1]).softmax(-1)[torch.arange(len(targets)), targets]
            scored.append((torch.stack([run.queries[layer][0, :, own:-1] for layer in layers]), targets, likely))
        read += len(segment.tokens)
    shape = backbone.config.kv_heads, backbone.config.head_dim
    return Measured([Bank.of(part, *shape) for part in parts], torch.tensor(same), torch.tensor(following), scored)


def gains(bank: Measured, asked: Measured, layer: int) -> Tensor:
    """[2, heads]: nats a token that copying what was found, or its successor, brings."""
    own = bank.banks[layer]
    total, count = 0, 0
    for queries, targets, likely in asked.scored:
        query = queries[layer]
        rows = own.search(query)
        group = query.shape[0] // own.keys.shape[1]
        keys = torch.stack([own.keys[rows[head], head // group] for head in range(len(query))])
        scores = (keys @ query[..., None])[..., 0] / query.shape[-1] ** 0.5
        weights = scores.masked_fill(~own.valid[rows], -1e9).softmax(-1)
        for i, tokens in enumerate((bank.same, bank.next)):
            copied = (weights * (tokens[rows] == targets[:, None])).sum(-1)
            gain = (((1 - COPIED) * likely + COPIED * copied) / likely).log().sum(-1)
            total = total + torch.stack([gain, torch.zeros_like(gain)] if i == 0 else [torch.zeros_like(gain), gain])
        count += len(targets)
    return total / count


def main() -> None:
    backbone, tokenizer = read_backbone(sys.argv[1]), read_tokenizer(sys.argv[1])
    chosen = [project for split in ("train", "tune") for project in projects(split) if project.name in PROJECTS]
    measured = [measure(project, backbone, tokenizer) for project in chosen]
    print("layer,best_same,best_same_with_other,mean_same,best_next")
    for layer in range(backbone.config.layers):
        own = torch.stack([gains(each, each, layer) for each in measured]).mean(0)
        other = torch.stack([gains(measured[i - 1], each, layer) for i, each in enumerate(measured)]).mean(0)
        best = own[0].argmax()
        print(f"{layer},{own[0, best]:.4f},{other[0, best]:.4f},{own[0].mean():.4f},{own[1].max():.4f}", flush=True)


if __name__ == "__main__":
    main()
