"""What the frozen backbone makes of training's texts, computed once: keys and values of facts, of ordinary code, and queries of questions."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from common.backbone import join_heads
from common.corpus import projects
from common.prompt import header
from common.segments import Segment, encode, prefix_tokens, segments

from .facts import COMPLETIONS, GRASS, Fact, make_fact, make_passkey, vocabulary
from .memory import InfiniModel

WINDOW = 33
"""Tokens of a fact that are kept: its end, up to the line's."""
MOST_VALUE_TOKENS = 8
FACT_TOKENS = 176
"""Of a segment that facts are planted in; short, as what stands around them matters little."""
FILLER_TOKENS = 512
PASSKEYS = 0.35
"""Share of segments that hold a passkey and nothing else."""
TURN = "<|im_end|>\n<|im_start|>assistant\n"


@dataclass
class FactBank:
    facts: list[Fact]
    states: Tensor  # [facts, layers, WINDOW, 2 * kvWidth] bfloat16, un-rotated keys beside values
    targets: Tensor  # [facts, MOST_VALUE_TOKENS, WINDOW - 1] bool: the pairs (token, next token) that give a token of the value
    filled: Tensor  # [facts, WINDOW - 1] bool: pairs that are there


@dataclass
class FillerBank:
    states: Tensor  # [segments, layers, FILLER_TOKENS, 2 * kvWidth] bfloat16
    tokens: Tensor  # [segments, FILLER_TOKENS]
    follows: Tensor  # [segments] bool: the segment before is of the same project


@dataclass
class Question:
    tokens: list[int]
    values: list[int]  # positions of the value's tokens among them
    first: int  # position of the first token that the model is to write


def project_states(
    model: InfiniModel, tokens: Tensor, want_queries: bool = False, dtype: torch.dtype = torch.bfloat16
) -> tuple[Tensor, Tensor | None]:
    """Keys beside values [B, layers, T, 2 * kvWidth] of `tokens` behind the prefix, and queries [B, layers, T, queryWidth]."""
    states, queries = [], []
    residual = model.below(tokens)
    with torch.no_grad():
        for number in model.layer_numbers:
            query, key, value = model.frozen.layers[number].project(residual)
            states.append(torch.cat([join_heads(key), join_heads(value)], -1).to(dtype))
            if want_queries:
                queries.append(join_heads(query).to(dtype))
            if number != model.layer_numbers[-1]:
                residual = model.layers(residual, range(number, number + 1), {})[0]
    return torch.stack(states, 1), torch.stack(queries, 1) if want_queries else None


def value_tokens(tokenizer: Tokenizer, text: str, value: str, every: bool) -> tuple[list[int], list[list[int]]]:
    """Tokens of `text`, and for each place of `value` in it (the last, or every) the positions of its tokens."""
    coded = tokenizer.encode(text, add_special_tokens=False)
    starts = [text.rindex(value)]
    while every and (before := text.rfind(value, 0, starts[0])) >= 0:
        starts.insert(0, before)
    spans = [
        [i for i, (a, b) in enumerate(coded.offsets) if a < start + len(value) and b > start] for start in starts
    ]
    return coded.ids, spans


def chunks_of_code(rng: random.Random, tokenizer: Tokenizer, room: int, split: str = "train"):
    """Endless pieces of real code: their file's path and lines, of at most `room` tokens."""
    files = [(project.name, path, text) for project in projects(split) for path, text in project.files()]
    while True:
        _, path, text = rng.choice(files)
        lines = text.splitlines(keepends=True)
        start = rng.randrange(len(lines))
        chosen, used = [], 0
        for line in lines[start : start + 40]:
            ids = encode(tokenizer, line)
            if used + len(ids) > room:
                break
            chosen.append(ids)
            used += len(ids)
        yield path, chosen


def build_facts(
    model: InfiniModel, tokenizer: Tokenizer, count: int, rng: random.Random, split: str = "train", statements: str = "train"
) -> FactBank:
    """`count` facts, one to six planted in a piece of code (or of grass), as the backbone reads them; names are those of `split`."""
    words = vocabulary(split)
    code = chunks_of_code(rng, tokenizer, FACT_TOKENS, "train" if split == "train" else "tune")
    bank: list[Fact] = []
    states, targets, filled = [], [], []
    batch: list[tuple[list[int], list[tuple[Fact, int, list[int], list[list[int]]]]]] = []
    while len(bank) < count:
        planted = [make_passkey(rng)] if rng.random() < PASSKEYS else [make_fact(rng, words, statements) for _ in range(rng.randint(1, 6))]
        path, lines = next(code)
        if planted[0].is_passkey and rng.random() < 0.5:
            path, lines = "notes.txt", [encode(tokenizer, GRASS)] * 8
        batch.append(plant(tokenizer, path, lines, planted, rng))
        if len(batch) == 16:
            tokens = torch.zeros(16, max(len(ids) for ids, _ in batch), dtype=torch.long)
            for row, (ids, _) in enumerate(batch):
                tokens[row, : len(ids)] = torch.tensor(ids)
            made, _ = project_states(model, tokens)
            for row, (_, placed) in enumerate(batch):
                for fact, start, ids, spans in placed:
                    bank.append(fact)
                    state, target, there = cut_window(made[row], start, len(ids), spans)
                    states.append(state)
                    targets.append(target)
                    filled.append(there)
            batch = []
            if len(bank) % 8 == 0:
                print("facts", len(bank), flush=True)
    return FactBank(bank, torch.stack(states), torch.stack(targets), torch.stack(filled))


def plant(tokenizer: Tokenizer, path: str, lines: list[list[int]], planted: list[Fact], rng: random.Random):
    """A segment's tokens with the facts between its lines, and each fact's place in it."""
    coded = [(fact, *value_tokens(tokenizer, fact.statement, fact.value, fact.is_passkey)) for fact in planted]
    room = FACT_TOKENS - sum(len(ids) for _, ids, _ in coded)
    kept: list[list[int]] = []
    for line in lines:
        if sum(map(len, kept)) + len(line) < room:
            kept.append(line)
    order: list = [*kept]
    for item in coded:
        order.insert(rng.randint(0, len(order)), item)
    tokens, placed = encode(tokenizer, header(path)), []
    for item in order:
        if isinstance(item, tuple):
            fact, ids, spans = item
            placed.append((fact, len(tokens), ids, spans))
            tokens = tokens + ids
        else:
            tokens = tokens + item
    return tokens, placed


def cut_window(state: Tensor, start: int, length: int, spans: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """The end of a statement with the token before it: its states [layers, WINDOW, width], targets and which pairs are there."""
    end = start + length
    begin = max(0, start - 1, end - WINDOW)
    window = torch.zeros(state.shape[0], WINDOW, state.shape[-1], dtype=state.dtype)
    window[:, : end - begin] = state[:, begin:end]
    target = torch.zeros(MOST_VALUE_TOKENS, WINDOW - 1, dtype=torch.bool)
    for span in spans:
        for j, position in enumerate(span[:MOST_VALUE_TOKENS]):
            pair = start + position - 1 - begin
            if 0 <= pair < WINDOW - 1:
                target[j, pair] = True
    there = torch.arange(WINDOW - 1) < end - begin - 1
    return window, target, there


def build_filler(model: InfiniModel, tokenizer: Tokenizer, count: int, rng: random.Random, split: str = "train") -> FillerBank:
    """Whole segments of ordinary code, five in a row of a project; one in ten is grass."""
    runs: list[list[Segment]] = []
    found = [project for project in projects(split)]
    rng.shuffle(found)
    for project in found:
        whole = [s for s in segments(project, tokenizer) if len(s.header) + len(s.tokens) > FILLER_TOKENS * 0.7]
        starts = rng.sample(range(len(whole) - 4), min(3, max(0, len(whole) - 4))) if len(whole) > 4 else []
        runs += [whole[at : at + 5] for at in starts]
        if len(runs) * 5 >= count * 1.5:
            break
    rng.shuffle(runs)
    grass = encode(tokenizer, GRASS)
    rows, follows = [], []
    for run in runs[: count // 5]:
        for i, segment in enumerate(run):
            rows.append((segment.header + segment.tokens)[:FILLER_TOKENS])
            follows.append(i > 0)
    for _ in range(count // 10):
        rows.append((encode(tokenizer, header("notes.txt")) + grass * 40)[:FILLER_TOKENS])
        follows.append(False)
    tokens = torch.zeros(len(rows), FILLER_TOKENS, dtype=torch.long)
    for i, ids in enumerate(rows):
        tokens[i] = torch.tensor((ids * 2)[:FILLER_TOKENS])
    states = torch.cat([project_states(model, part)[0] for part in tokens.split(4)])
    return FillerBank(states, tokens, torch.tensor(follows))


def ask(tokenizer: Tokenizer, fact: Fact, rng: random.Random, completions: float = 0.5, split: str = "train") -> Question:
    """A question with its answer in the engine's words, or a line of code that goes on with the value."""
    if not fact.is_passkey and rng.random() < completions:
        opening = encode(tokenizer, header(rng.choice(["main.py", "config.ts", "notes.md", "settings.h"])))
        ids, spans = value_tokens(tokenizer, rng.choice(COMPLETIONS).format(name=fact.name, value=fact.value) + "\n", fact.value, False)
        return Question(opening + ids, [len(opening) + at for at in spans[0]], len(opening) + spans[0][0])
    question, answer = fact.ask(rng, split)
    opening = encode(tokenizer, f"Question: {question}{TURN}")
    ids, spans = value_tokens(tokenizer, answer + "<|im_end|>", fact.value, False)
    return Question(opening + ids, [len(opening) + at for at in spans[0]], len(opening))


@dataclass
class QuestionBank:
    """Questions to facts, at the places from which each token of the value is written."""

    fact: Tensor  # [questions] index into the facts
    queries: Tensor  # [questions, layers, MOST_VALUE_TOKENS, 2 * queryWidth] bfloat16, standardised beside their trail
    residuals: Tensor  # [questions, MOST_VALUE_TOKENS, hidden] bfloat16: the backbone's last, before the final norm
    wanted: Tensor  # [questions, MOST_VALUE_TOKENS]: the value's tokens
    filled: Tensor  # [questions, MOST_VALUE_TOKENS] bool

    def __add__(self, other: QuestionBank) -> QuestionBank:
        return QuestionBank(*(torch.cat(pair) for pair in zip(self.__dict__.values(), other.__dict__.values(), strict=True)))


def build_questions(
    model: InfiniModel, tokenizer: Tokenizer, bank: FactBank, count: int, rng: random.Random, words: bool = False
) -> QuestionBank:
    """Places of values' tokens; with `words`, of the answers' other ones."""
    chosen = [rng.randrange(len(bank.facts)) for _ in range(count)]
    made = sorted(((ask(tokenizer, bank.facts[i], rng), i) for i in chosen), key=lambda pair: len(pair[0].tokens))
    queries, residuals, wanted, filled = [], [], [], []
    for at in range(0, count, 32):
        part = made[at : at + 32]
        tokens = torch.zeros(len(part), max(len(q.tokens) for q, _ in part), dtype=torch.long)
        for row, (question, _) in enumerate(part):
            tokens[row, : len(question.tokens)] = torch.tensor(question.tokens)
        states, last = question_states(model, tokens)
        for row, (question, _) in enumerate(part):
            chosen = other_places(question) if words else question.values
            places = (chosen + [chosen[-1]] * MOST_VALUE_TOKENS)[:MOST_VALUE_TOKENS]
            before = [place - 1 for place in places]
            queries.append(states[row][:, before])
            residuals.append(last[row][before])
            wanted.append(tokens[row][places])
            filled.append(torch.arange(MOST_VALUE_TOKENS) < len(chosen))
    stacked = (torch.stack(each) for each in (queries, residuals, wanted, filled))
    return QuestionBank(torch.tensor([i for _, i in made]), *stacked)


def other_places(question: Question) -> list[int]:
    """Of an answer without its value: what comes after it, then what comes before."""
    after = list(range(question.values[-1] + 1, len(question.tokens)))
    return (after[:5] + list(range(question.first, question.values[0])))[:MOST_VALUE_TOKENS]


@torch.no_grad()
def question_states(model: InfiniModel, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Queries [B, layers, T, 2 * queryWidth] and the last residual [B, T, hidden], without any memory."""
    residual, queries = model.below(tokens), []
    for number in range(model.layer_numbers[0], model.config.layers):
        if number in model.layer_numbers:
            query = join_heads(model.frozen.layers[number].project(residual)[0])
            queries.append(model.at(number).standard_queries(query).bfloat16())
        residual = model.layers(residual, range(number, number + 1), {})[0]
    return torch.stack(queries, 1), residual.bfloat16()


@torch.no_grad()
def fit_standards(model: InfiniModel, filler: FillerBank, sharpness: float = 3.0, threshold: float = -5.0) -> dict[str, Tensor]:
    """Means, deviations and whitening of the maps' inputs over code, and queries that begin as the keys of the same place would be."""
    _, queries = project_states(model, filler.tokens[::12], want_queries=True)
    assert queries is not None
    for i, number in enumerate(model.layer_numbers):
        own = model.at(number)
        kv = standardise(filler.states[::12, i], own.kv_mean, own.kv_scale, own.kv_whitening)
        query = standardise(queries[:, i], own.query_mean, own.query_scale, own.query_whitening)
        ridge = query.T @ query + 0.02 * len(query) * torch.eye(query.shape[1])
        across = torch.linalg.solve(ridge, query.T @ kv)  # [queryWidth, 2 * kvWidth], both whitened
        own.key.weight.normal_(0, sharpness / (2 * kv.shape[1]) ** 0.5)
        keys = torch.cat([part @ across.T for part in own.key.weight.chunk(2, 1)], 1)  # [kvWidth, 2 * queryWidth]
        group = model.config.heads // model.config.kv_heads
        spread = keys.unflatten(0, (model.config.kv_heads, -1)).repeat_interleave(group, 0).flatten(0, 1)
        own.query.weight.copy_(spread)
        for bias in (own.key.bias, own.query.bias):
            bias.fill_(threshold)
    return model.infini.state_dict()


def standardise(states: Tensor, mean: Tensor, scale: Tensor, whitening: Tensor) -> Tensor:
    """Fills a layer's three buffers from states [N, T, width], and returns these whitened [N * T, width]."""
    flat = states.float().flatten(0, 1)
    mean.copy_(flat.mean(0))
    scale.copy_(1 / flat.std(0).clamp(min=1e-3))
    flat = (flat - mean) * scale
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    whitening.copy_(vectors @ torch.diag((values + 0.05) ** -0.5) @ vectors.T)
    return flat @ whitening
