"""`python -m infini.layers MODEL.gguf`: which layers tell names apart. Writes `layers.csv`.

For each layer, canonical correlation (`axes.py`) of the places where made values are written and of those where they are asked for is fitted
on facts; with other facts, whose names are made of other words, it is measured how often a question's nearest of 12 or 32
statements is its own, and how often ridge regression reads a digit from the state that is written.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from common.gguf_model import read_backbone, read_tokenizer
from common.runs import Curves, seed_all
from common.segments import prefix_tokens

from . import bank
from .axes import along, fit_layer, pairs
from .bank import Asked, Places
from .facts import Fact, make_fact, vocabulary
from .memory import InfiniModel

FITTED, TESTED = 1600, 256


def nearest(keys: Tensor, queries: Tensor, among: int) -> float:
    """How often a query's key has the largest cosine of `among`."""
    keys, queries = functional.normalize(keys, dim=1), functional.normalize(queries, dim=1)
    groups = [slice(at, at + among) for at in range(0, len(keys) - among + 1, among)]
    return sum(((queries[g] @ keys[g].T).argmax(1) == torch.arange(among)).float().mean().item() for g in groups) / len(groups)


def main() -> None:
    seed_all(0)
    tokenizer, backbone = read_tokenizer(Path(sys.argv[1])), read_backbone(Path(sys.argv[1]))
    words = vocabulary("train")
    rng = random.Random(4)
    curves = Curves(Path(__file__).parent / "layers.csv")
    # A few layers at a time: inputs of all would take gigabytes.
    for first in range(0, backbone.config.layers, 6):
        numbers = list(range(first, min(first + 6, backbone.config.layers)))
        model = InfiniModel(backbone, numbers, prefix_tokens(tokenizer))
        model.infini.load_state_dict(bank.fit_standards(model, tokenizer, random.Random(1)))
        facts = [make_fact(rng, words[400:] if i < FITTED else words[:400]) for i in range(FITTED + TESTED)]
        written, asked = bank.written(model, tokenizer, facts, rng), bank.asked(model, tokenizer, facts, rng, want_last=False)
        for i, number in enumerate(numbers):
            figures = measured(model, i, written, asked, facts)
            curves.add(number, **figures)
            print(number, figures, flush=True)


def measured(model: InfiniModel, layer: int, written: Places, asked: Asked, facts: list[Fact]) -> dict[str, float]:
    own = model.at(model.layer_numbers[layer])
    at_key, at_query = pairs(written, asked)
    keys, queries = written.inputs[at_key, layer].float(), asked.inputs[at_query, layer].float()
    index, digit = written.fact[at_key], written.digit[at_key]
    fitted = index < FITTED
    fit_layer(own, keys[fitted], queries[fitted])
    first = ~fitted & (digit == 0)
    near = along(own, "key", keys[first]), along(own, "query", queries[first])
    lengths = torch.tensor([len(fact.value) for fact in facts])[index]
    is_digit = digit < lengths
    said = torch.tensor([int(facts[i].value[j]) if j < len(facts[i].value) else 0 for i, j in zip(index.tolist(), digit.tolist(), strict=True)])
    states = torch.cat([keys[:, -2 * model.config.kv_width :], torch.ones(len(keys), 1)], 1)
    use = fitted & is_digit
    marks = functional.one_hot(said[use], 10).float()
    map_ = torch.linalg.solve(states[use].T @ states[use] + 10 * torch.eye(states.shape[1]), states[use].T @ marks)
    read = ((states @ map_).argmax(1) == said)[~fitted & is_digit].float().mean().item()
    return {"nearest_of_12": nearest(*near, 12), "nearest_of_32": nearest(*near, 32), "digits": read}


if __name__ == "__main__":
    main()
