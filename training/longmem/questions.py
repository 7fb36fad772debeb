"""Questions about a project in the words that the engine asks with, whose answers stand in the bank: without them the side network
learns to go on with code, and not to answer."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import torch
from common.backbone import Backbone
from common.prompt import FENCES
from common.segments import encode
from tokenizers import Tokenizer

from .batches import BANK_TOKENS, NOISE, Batch, Sampler
from .states import States, taps

ASSIGNMENT = re.compile(r"^\s*(?:export |static |final |const |let |var |#define |self\.|this\.)*([A-Za-z_]\w{3,})(?:: [\w\[\]| ]+)?(?: = |\s+)([\"'\d\[{(-][^\n]{0,59}?);?$")
DEFINITION = re.compile(r"^\s*(?:export |async |static |default |abstract )*(?:def|class|function|interface|enum|struct) ([A-Za-z_]\w{3,})\b")
NO_NAMES = frozenset({"import", "export", "return", "from", "type", "typedef", "include", "else", "raise", "assert", "case"})
LINES = 6
"""Of a definition that an answer quotes, at most."""
ANSWER_TOKENS = 120

ASK_VALUE = ("Which value does {} have?", "Tell me what {} equals.", "What does {} contain?", "{} = ?", "To what is {} initialised?")
SAY_VALUE = ("`{0}` is `{1}`.", "The value of `{0}` is `{1}`.", "{0} = {1}", "It is `{1}`.")
ASK_CODE = ("How is {} defined?", "Show the code of {}.", "Quote the definition of {}.", "How does {} begin?", "Write down {} as it stands in the repository.")
SAY_CODE = ("```{0}\n{1}```", "`{2}` is defined like this:\n\n```{0}\n{1}```", "Here it is:\n```{0}\n{1}```")
"""None of these wordings is one that evaluations ask in."""


@dataclass(frozen=True)
class Subject:
    """Something that a segment says: a name with its value, or with the lines that define it."""

    segment: int
    name: str
    value: str | None
    code: str
    fence: str


def subjects(states: States, tokenizer: Tokenizer) -> Iterator[Subject]:
    for index, span in enumerate(states.spans):
        text = tokenizer.decode(states.tokens[span.text : span.end].tolist())
        extension = PurePosixPath(span.path).suffix[1:]
        fence = FENCES.get(extension, extension)
        lines = text.splitlines(keepends=True)
        for at, line in enumerate(lines):
            if found := DEFINITION.match(line):
                yield Subject(index, found[1], None, "".join(lines[at : at + LINES]), fence)
            elif (found := ASSIGNMENT.match(line)) and found[1] not in NO_NAMES and found[2][-1] not in "([{,:":
                yield Subject(index, found[1], found[2], line, fence)


class Questioner:
    """Draws questions about the projects of a sampler."""

    def __init__(self, sampler: Sampler, backbone: Backbone, tokenizer: Tokenizer) -> None:
        self.sampler, self.backbone, self.tokenizer = sampler, backbone, tokenizer
        self.subjects = [list(subjects(states, tokenizer)) for states in sampler.projects]
        self.asked = [index for index, found in enumerate(self.subjects) if found]

    def draw(self, generator: random.Random, size: int) -> Batch:
        rows = [self.question(generator) for _ in range(size)]
        longest = max(len(tokens) for tokens, _, _ in rows)
        tokens = torch.zeros(size, longest, dtype=torch.long)
        targets = torch.full_like(tokens, -1)
        for row, (own, answer, _) in enumerate(rows):
            tokens[row, : len(own)] = torch.tensor(own)
            targets[row, answer - 1 : len(own) - 1] = tokens[row, answer : len(own)]
        places = list(taps(self.backbone.config.layers))[self.sampler.first_tap :]
        device = self.backbone.embedding.weight.device
        with torch.no_grad():
            run = self.backbone(tokens.to(device), residuals_of=places)
        return Batch(tokens, [run.residuals[layer] for layer in places], targets, [bank for _, _, bank in rows])

    def question(self, generator: random.Random):
        """Tokens, where the answer begins among them, and a bank that has it somewhere."""
        project = generator.choice(self.asked)
        subject = generator.choice(self.subjects[project])
        if subject.value is None:
            asked = generator.choice(ASK_CODE).format(subject.name)
            said = generator.choice(SAY_CODE).format(subject.fence, subject.code, subject.name)
        else:
            asked = generator.choice(ASK_VALUE).format(subject.name)
            said = generator.choice(SAY_VALUE).format(subject.name, subject.value)
        before = self.sampler.prefix.tokens.tolist() + encode(
            self.tokenizer, f"Question: {asked}<|im_end|>\n<|im_start|>assistant\n"
        )
        answer = [*encode(self.tokenizer, said)[:ANSWER_TOKENS], *encode(self.tokenizer, "<|im_end|>")]
        own = self.sampler.banks[project]
        end = own.starts[generator.randint(subject.segment + 1, len(own.starts) - 1)]
        size = max(generator.choice(BANK_TOKENS), end - own.starts[subject.segment])
        bank = own.whole.part(max(0, end - size), end)
        if generator.random() < NOISE:
            bank = bank + self.sampler.noise(generator)
        return before + answer, len(before), bank
