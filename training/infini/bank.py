"""What the frozen backbone makes of training's texts, computed once: inputs of keys where values are written, of queries where they are asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from tokenizers import Tokenizer
from torch import Tensor

from common.backbone import join_heads
from common.corpus import projects
from common.prompt import header
from common.segments import Segment, encode, segments

from .facts import GRASS, Fact, make_fact, make_passkey
from .memory import InfiniModel
from .stored import as_stored

SEGMENT_TOKENS = 176
"""Of a segment that facts are stated in."""
BETWEEN = 24
"""Most tokens of the line of code that stands between two facts."""
PASSKEYS = 0.08
RIVALS = 8
"""Tokens that the backbone alone finds likeliest at a place."""
TURN = "<|im_end|>\n<|im_start|>assistant\n"


@dataclass
class Question:
    tokens: list[int]
    values: list[int]  # positions of the value's tokens among them, and of the token behind them


@dataclass
class Places:
    """Places of texts, one a row; all tensors have as many."""

    fact: Tensor  # index of the fact, or of the segment of code
    digit: Tensor  # which of the value's tokens comes next
    inputs: Tensor  # [rows, layers, inputs] bfloat16: of keys (state, trail, the next token's state), or of queries (state, trail)

    @classmethod
    def joined(cls, parts: list[Places]) -> Places:
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass
class Asked(Places):
    residuals: Tensor  # [rows, hidden] bfloat16: the backbone's last, before the final norm
    wanted: Tensor  # [rows]: the token that comes next
    rivals: Tensor  # [rows, RIVALS]


@torch.no_grad()
def run(model: InfiniModel, tokens: Tensor, dtype: torch.dtype = torch.float32, want_last: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Keys beside values, queries, and the last residual [B, T, hidden] where it is wanted; without any memory."""
    residual, states, queries = model.below(tokens), [], []
    last = model.config.layers if want_last else model.layer_numbers[-1] + 1
    for number in range(model.layer_numbers[0], last):
        if number in model.layer_numbers:
            query, key, value = model.frozen.layers[number].project(residual)
            states.append(torch.cat([join_heads(key), join_heads(value)], -1).to(dtype))
            queries.append(join_heads(query).to(dtype))
        if want_last or number + 1 < last:
            residual = model.layers(residual, range(number, number + 1), {})[0]
    return torch.stack(states, 1), torch.stack(queries, 1), residual


def padded(rows: list[list[int]]) -> Tensor:
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, ids in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
    return tokens


def value_tokens(tokenizer: Tokenizer, text: str, value: str, every: bool) -> tuple[list[int], list[list[int]]]:
    """Tokens of `text`, and for each place of `value` in it (the last, or every) the positions of its tokens and of the one behind."""
    coded = tokenizer.encode(text, add_special_tokens=False)
    starts = [text.rindex(value)]
    while every and (before := text.rfind(value, 0, starts[0])) >= 0:
        starts.insert(0, before)
    spans = [[i for i, (a, b) in enumerate(coded.offsets) if a < at + len(value) and b > at] for at in starts]
    return coded.ids, [[*span, span[-1] + 1] for span in spans]


def lines_of_code(rng: random.Random, tokenizer: Tokenizer) -> Iterator[list[int]]:
    """Endless lines of training's projects, in runs of ten that follow each other."""
    files = [(path, text) for project in projects("train") for path, text in project.files()]
    while True:
        lines = rng.choice(files)[1].splitlines(keepends=True)
        start = rng.randrange(len(lines))
        for line in lines[start : start + 10]:
            yield encode(tokenizer, line)[:BETWEEN]


def make_facts(count: int, words: list[str], rng: random.Random) -> list[Fact]:
    return [make_passkey(rng) if rng.random() < PASSKEYS else make_fact(rng, words) for _ in range(count)]


def written(model: InfiniModel, tokenizer: Tokenizer, facts: list[Fact], rng: random.Random) -> Places:
    """The places that write the tokens of the facts' values, and the token behind them; facts stand between lines of code."""
    lines = lines_of_code(rng, tokenizer)
    texts: list[list[int]] = []
    spans: list[list[tuple[int, list[int]]]] = []
    for index, fact in enumerate(facts):
        if not texts or len(texts[-1]) > SEGMENT_TOKENS:
            texts.append(encode(tokenizer, header(rng.choice(["main.py", "src/app.ts", "notes.txt", "lib/core.cc"]))))
            spans.append([])
        if rng.random() < 0.7:
            texts[-1].extend(encode(tokenizer, GRASS + "\n") if fact.is_passkey and rng.random() < 0.5 else next(lines))
        ids, found = value_tokens(tokenizer, fact.statement, fact.value, fact.is_passkey)
        spans[-1] += [(index, [len(texts[-1]) + at for at in span]) for span in found]
        texts[-1].extend(ids)
    parts = []
    for at in range(0, len(texts), 8):
        states, _, _ = run(model, padded(texts[at : at + 8]), want_last=False)
        for row, ids in enumerate(texts[at : at + 8]):
            inputs = key_inputs(model, as_stored(states[row][:, : len(ids)]))
            marked = [(index, j, place - 1) for index, span in spans[at + row] for j, place in enumerate(span) if place < len(ids)]
            index, digit, place = torch.tensor(marked).T
            parts.append(Places(index, digit, inputs[:, place].transpose(0, 1).bfloat16()))
    return Places.joined(parts)


def key_inputs(model: InfiniModel, states: Tensor) -> Tensor:
    """[layers, T - 1, 6 * kvWidth] of one segment's states."""
    return torch.stack([model.at(number).key_inputs(states[i]) for i, number in enumerate(model.layer_numbers)])


def query_inputs(model: InfiniModel, queries: Tensor) -> Tensor:
    return torch.stack([model.at(number).query_inputs(queries[i]) for i, number in enumerate(model.layer_numbers)])


def ask(tokenizer: Tokenizer, fact: Fact, rng: random.Random) -> Question:
    """A question with its answer in the engine's words."""
    question, answer = fact.ask(rng)
    opening = encode(tokenizer, f"Question: {question}{TURN}")
    ids, spans = value_tokens(tokenizer, answer + "<|im_end|>", fact.value, False)
    return Question(opening + ids, [len(opening) + at for at in spans[0]])


def asked(model: InfiniModel, tokenizer: Tokenizer, facts: list[Fact], rng: random.Random, want_last: bool = True) -> Asked:
    """One question to each fact: the places before its value's tokens and before what comes behind them."""
    made = sorted(((ask(tokenizer, fact, rng), index) for index, fact in enumerate(facts)), key=lambda pair: len(pair[0].tokens))
    parts = []
    for at in range(0, len(made), 16):
        batch = made[at : at + 16]
        tokens = padded([question.tokens for question, _ in batch])
        _, queries, last = run(model, tokens, want_last=want_last)
        for row, (question, index) in enumerate(batch):
            inputs = query_inputs(model, queries[row])
            parts.append(asked_places(model, tokens[row], index, question.values, inputs, last[row]))
    return Asked.joined(parts)


@torch.no_grad()
def asked_places(model: InfiniModel, tokens: Tensor, index: int, values: list[int], inputs: Tensor, last: Tensor) -> Asked:
    places = torch.tensor(values)
    residuals = last[places - 1]
    rivals = model.frozen.logits(model.frozen.final_norm(residuals)).topk(RIVALS).indices
    digits = torch.arange(len(values))
    taken = inputs[:, places - 1].transpose(0, 1).bfloat16()
    return Asked(torch.full_like(digits, index), digits, taken, residuals.bfloat16(), tokens[places], rivals)


def runs_of(tokenizer: Tokenizer, split: str, rng: random.Random) -> Iterator[list[Segment]]:
    """Three segments of a project that follow each other, at most three times a project."""
    found = projects(split)
    rng.shuffle(found)
    for project in found:
        files = [file for file in project.files() if len(file[1]) > 4000]
        for path, text in rng.sample(files, min(3, len(files))):
            whole = [s for s in segments(OneFile(project.name, path, text[:16_000]), tokenizer) if len(s.tokens) > 300]
            if len(whole) >= 3:
                yield whole[:3]


@dataclass
class OneFile:
    """One file of a project, as `segments` takes a project."""

    name: str
    path: str
    text: str

    def files(self) -> Iterator[tuple[str, str]]:
        yield self.path, self.text


@torch.no_grad()
def fit_standards(model: InfiniModel, tokenizer: Tokenizer, rng: random.Random) -> dict[str, Tensor]:
    """Means and deviations of keys, values and queries over code."""
    texts = [(run_[0].header + run_[0].tokens)[:512] for run_ in islice(runs_of(tokenizer, "train", rng), 0, 72, 3)]
    states, queries, _ = run(model, padded([ids for ids in texts if len(ids) > 400]), want_last=False)
    for i, number in enumerate(model.layer_numbers):
        own = model.at(number)
        for made, kind in ((states[:, i], "kv"), (queries[:, i], "query")):
            flat = made[:, :400].flatten(0, 1)
            getattr(own, f"{kind}_mean").copy_(flat.mean(0))
            getattr(own, f"{kind}_scale").copy_(1 / flat.std(0).clamp(min=1e-3))
    return model.infini.state_dict()
