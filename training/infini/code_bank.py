"""What the frozen backbone makes of code, as the memory sees it: entries of what is read, and places at which nothing is to be added."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from common.corpus import projects
from common.segments import Segment, segments

from . import bank
from .bank import OneFile
from .memory import InfiniModel
from .stored import as_stored

RUNS = 4
"""Most runs of one project; each is of another file."""
SEGMENTS = 4
"""Most of a run."""
ENTRIES, PLACES = 64, 48
"""Of a segment; places of those behind a run's first."""


@dataclass
class Read:
    """Of one segment: inputs of keys [ENTRIES, layers, 6 * kvWidth] and of queries [PLACES, layers, 2 * queryWidth], bfloat16."""

    keys: Tensor
    queries: Tensor


def read_code(model: InfiniModel, tokenizer: Tokenizer, split: str, most: int) -> list[Read]:
    made = []
    for number, run in enumerate(runs(tokenizer, split, most)):
        if number % 10 == 0:
            print("code", number, "of", most, flush=True)
        made += [read(model, segment, PLACES if part else 0) for part, segment in enumerate(run)]
    return made


@torch.no_grad()
def read(model: InfiniModel, segment: Segment, count: int) -> Read:
    ids = segment.header + segment.tokens
    states, queries, _ = bank.run(model, torch.tensor([ids]), want_last=False)
    entries = torch.randperm(len(ids) - 1)[:ENTRIES]
    places = torch.randperm(len(ids) - 34)[:count] + 32
    keys = bank.key_inputs(model, as_stored(states[0]))[:, entries]
    asked = bank.query_inputs(model, queries[0])[:, places]
    return Read(keys.transpose(0, 1).bfloat16(), asked.transpose(0, 1).bfloat16())


def runs(tokenizer: Tokenizer, split: str, most: int) -> Iterator[list[Segment]]:
    """Segments that follow each other in a file: first one run of each project, then a second one."""
    rng, made = random.Random(3), 0
    found = projects(split)
    rng.shuffle(found)
    files: dict[str, list[tuple[str, str]]] = {}
    for number in range(RUNS):
        for project in found:
            if project.name not in files:
                files[project.name] = [file for file in project.files() if len(file[1]) > 6000]
                rng.shuffle(files[project.name])
            for path, text in files[project.name][number : number + 1]:
                start = 0 if rng.random() < 0.5 else text.rfind("\n", 0, rng.randrange(max(1, len(text) - 16_000))) + 1
                part = [each for each in segments(OneFile(project.name, path, text[start : start + 20_000]), tokenizer) if len(each.tokens) > 300]
                if len(part) < 3:
                    continue
                yield part[:SEGMENTS]
                made += 1
                if made >= most:
                    return
