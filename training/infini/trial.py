"""What a model really says: facts of held-out names and wordings in code of the projects `tune`, read segment by segment, answers written greedily."""

from __future__ import annotations

import random
import re
from itertools import islice

import torch
from tokenizers import Tokenizer

from common.corpus import projects
from common.prompt import header
from common.segments import encode

from . import bank
from .facts import GRASS, Fact, make_fact, vocabulary
from .memory import InfiniModel, Memory, write_linear
from .stored import as_stored

ANSWER_TOKENS = 16


class Trial:
    CASES = {"held_out_8": (8, 10), "held_out_32": (32, 10), "passkey_1m": (0, 2000)}
    """Facts in a memory, and its segments; no facts are one passkey in grass."""

    def __init__(self, model: InfiniModel, tokenizer: Tokenizer, seed: int = 5) -> None:
        self.model, self.tokenizer, self.seed = model, tokenizer, seed
        self.words = vocabulary("held-out")
        self.texts = [(path, text) for project in projects("tune") for path, text in project.files() if len(text) > 6000]
        self.grass = encode(tokenizer, header("text-00.txt") + GRASS * 26)[:512]

    def figures(self) -> dict[str, float]:
        return {name: self.case(*case, asked=16)[0] for name, case in self.CASES.items()}

    @torch.no_grad()
    def case(self, facts: int, segments: int, asked: int) -> tuple[float, list[str]]:
        """The share of values that answers say, at most eight asked of one memory, and what wrong ones said."""
        rng, right, total, wrong = random.Random(self.seed), 0, 0, []
        while total < asked:
            made = self.made(facts, rng)
            memory = self.memory(made, segments, rng)
            for fact in made[:8]:
                question, _ = fact.ask(rng, "held-out")
                said = self.answer(question, memory)
                is_right = re.search(rf"(?<!\d){fact.value}(?!\d)", said) is not None
                right, total = right + is_right, total + 1
                if not is_right:
                    wrong.append(f"{question} {fact.value}: {said}")
        return right / total, wrong

    def made(self, facts: int, rng: random.Random) -> list[Fact]:
        if facts == 0:
            return [Fact("pass key", key := str(rng.randrange(10_000, 100_000)), f"The pass key is {key}. Remember it. {key} is the pass key.\n", True)]
        chosen = [make_fact(rng, self.words, "held-out") for _ in range(facts)]
        return list({fact.name: fact for fact in chosen}.values())

    def memory(self, facts: list[Fact], segments: int, rng: random.Random) -> dict[int, Memory]:
        """Code with the facts between its lines, in segments of 512 tokens; a passkey stands in grass."""
        if facts[0].is_passkey:
            ids = encode(self.tokenizer, header("text-00.txt") + GRASS * 8 + "\n" + facts[0].statement + GRASS * 10)
            return added(self.shares([ids]), self.shares([self.grass]), segments - 1)
        texts: list[list[list[int]]] = []
        start = rng.randrange(len(self.texts))
        for path, text in islice(self.texts[start:] + self.texts, segments):
            lines, room = [encode(self.tokenizer, header(path))], 500
            for line in text.splitlines(keepends=True)[20:]:
                ids = encode(self.tokenizer, line)[:room]
                lines.append(ids)
                room -= len(ids)
                if room <= 0:
                    break
            texts.append(lines)
        for fact in facts:
            lines = rng.choice(texts)
            lines.insert(rng.randrange(1, len(lines) + 1), encode(self.tokenizer, fact.statement))
        return self.shares([[token for line in lines for token in line] for lines in texts])

    def shares(self, texts: list[list[int]]) -> dict[int, Memory]:
        sums: dict[int, Memory] = {}
        config = self.model.config
        for ids in texts:
            states = as_stored(bank.run(self.model, torch.tensor([ids]), want_last=False)[0][0])
            for i, number in enumerate(self.model.layer_numbers):
                empty = torch.zeros(config.kv_heads, config.head_dim, config.head_dim), torch.zeros(config.kv_heads, config.head_dim)
                sums[number] = write_linear(sums.get(number, empty), *self.model.at(number).entries(states[i]))
        return sums

    def answer(self, question: str, memory: dict[int, Memory]) -> str:
        one = {number: (matrix[None], mass[None]) for number, (matrix, mass) in memory.items()}
        tokens = encode(self.tokenizer, f"Question: {question}{bank.TURN}")
        start = len(tokens)
        while len(tokens) < start + ANSWER_TOKENS:
            hidden = self.model(torch.tensor([tokens]), one)[0, -1]
            token = int(self.model.frozen.logits(hidden).argmax())
            if token == self.tokenizer.token_to_id("<|im_end|>"):
                break
            tokens.append(token)
        return self.tokenizer.decode(tokens[start:])


def added(first: dict[int, Memory], second: dict[int, Memory], times: int) -> dict[int, Memory]:
    return {number: (first[number][0] + times * second[number][0], first[number][1] + times * second[number][1]) for number in first}
