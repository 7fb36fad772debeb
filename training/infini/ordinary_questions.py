"""Questions that ask for no value, and what an answer in words may say: at its places a memory is to add nothing."""

from __future__ import annotations

import random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from common.segments import encode

from . import bank
from .axes import along
from .facts import make_name
from .memory import InfiniModel

QUESTIONS = [
    "How does {n} work?", "Where is {n} used?", "Explain {n}.", "Which file defines {n}?", "Why do we have {n}?", "What does the function {n} do?", "Who calls {n}?", "Is {n} thread-safe?", "Write a test for {n}.",
    "What does this repository do?", "Summarise the project.", "How do I install it?", "Describe the class {n}.", "What is the purpose of {n}?", "How can I extend {n}?", "What arguments does {n} take?",
    "What type does {n} return?", "Fix the bug in {n}.", "List the methods of {n}.", "Which module imports {n}?", "Is there documentation for {n}?", "What errors can {n} raise?", "Rewrite {n} in a simpler way.",
    "When is {n} called?", "Does {n} read from disk?", "Compare {n} with {m}.", "What is the difference between {n} and {m}?", "Why does {n} fail?", "How is {n} tested?", "What happens after {n}?",
    "Which classes inherit from {n}?", "Give an example of {n}.", "Can I remove {n}?", "Translate {n} to Python.", "Hello!", "Who are you?", "What can you do?", "Write a haiku about code.",
    "How are errors handled in {n}?", "What language is this written in?",
]  # fmt: skip
ANSWERS = [
    "The function `{n}` is used to handle requests that come from the server and returns a list of objects.",
    "`{n}` is a class in the project. It reads the configuration file and creates a new session for each user.",
    "It is defined in the file `src/{m}.py` and is called by `{m}` when the program starts.",
    "To do that, you can use the following code:\n\n```python\ndef {m}(self, name):\n    return self.{n}(name)\n```",
    "The project is a library that helps developers to build applications. It has several modules.",
    "Yes, {n} can be used in more than one thread, because it takes a lock before it writes.",
    "I am a coding assistant. I can answer questions about the files in the code base.",
    "You can install it with the package manager, and then import it in your code.",
    "The purpose of {n} is to keep track of the state of {m} and to notify the listeners when it changes.",
]
LATER = 4
"""Places of an answer besides its first."""


def asked_in_words(tokenizer: Tokenizer, words: list[str], rng: random.Random) -> tuple[list[int], list[int]]:
    """Tokens of a question with its answer, and places that tokens of the answer come after."""
    names = {"n": make_name(rng, words), "m": make_name(rng, words)}
    question = encode(tokenizer, "Question: " + rng.choice(QUESTIONS).format(**names) + bank.TURN)
    answer = encode(tokenizer, rng.choice(ANSWERS).format(**names))
    places = [0, *rng.sample(range(1, len(answer)), LATER)]
    return question + answer, [len(question) - 1 + place for place in places]


@torch.no_grad()
def places_of(model: InfiniModel, texts: list[tuple[list[int], list[int]]]) -> Tensor:
    """Coordinates of queries [rows, layers, axes] at the places of all texts."""
    made = []
    texts = sorted(texts, key=lambda text: len(text[0]))
    for at in range(0, len(texts), 16):
        batch = texts[at : at + 16]
        _, queries, _ = bank.run(model, bank.padded([tokens for tokens, _ in batch]), want_last=False)
        for row, (_, places) in enumerate(batch):
            each = [along(model.at(n), "query", model.at(n).query_inputs(queries[row, i])[places]) for i, n in enumerate(model.layer_numbers)]
            made.append(torch.stack(each, 1).bfloat16())
    return torch.cat(made)
