"""Made facts: a name, its value, how a text states them, and how a question asks. Names and wordings of evaluation are held out."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

from tokenizers import Tokenizer

from common.corpus import projects

from . import wordings

PASSKEY = "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. "
"""The paper's task (section 3.2) in its own words; the grass is its filler."""
GRASS = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "

EVALUATED = frozenset(
    (
        "harbour lantern quay tern mast anchor barrel beacon breeze candle canyon castle cedar cliff clover comet copper coral cradle creek crystal dagger "
        "desert diamond dragon eagle falcon feather fern fiddle flame forest fountain fox glacier gravel grove hammer hazel heron hollow horizon island "
        "ivory jacket jungle kettle ladder lagoon lemon lily lizard maple marble meadow monsoon mountain nettle ocean olive"
    ).split()
)
"""Words of the names that the engine's evaluation asks for (`test/eval/strategy-cases.ts`); no name of training has one."""

# As the paper does, its task is trained as it is asked: sentence and question of a pass key are the evaluation's, only the digits are others.
PASSKEY_NAMES = ["pass key", "passkey", "secret code", "magic number", "password", "pin", "secret number", "access key"]
PASSKEY_STATEMENTS = [
    "The {name} is {value}. Remember it. {value} is the {name}.\n", "The {name} is {value}.\n", "The {name} is {value}. Do not forget it.\n", "Note: the {name} is {value}.\n",
]
PASSKEY_QUESTIONS = ["What is the {name}?", "What is the {name}? The {name} is", "Tell me the {name}.", "Which {name} was in the text?", "What was the {name}?"]
PASSKEY_ANSWERS = ["{value}", "The {name} is {value}."]


@dataclass(frozen=True)
class Fact:
    name: str
    value: str
    statement: str
    is_passkey: bool = False

    def ask(self, rng: random.Random, split: str = "train") -> tuple[str, str]:
        """A question and its answer."""
        if self.is_passkey:
            question = rng.choice(PASSKEY_QUESTIONS[:1] if split == "held-out" else PASSKEY_QUESTIONS)
            answer = PASSKEY_ANSWERS[rng.random() > wordings.SHORT]
        else:
            question = wordings.question(rng) if split == "train" else rng.choice(wordings.HELD_QUESTIONS)
            answer = wordings.answer(rng)
        return question.format(name=self.name), answer.format(name=self.name, value=self.value)


def vocabulary(split: str, tokenizer: Tokenizer | None = None) -> list[str]:
    """What names are made of: words from identifiers of training's projects, of which a fifth is held out, and, with a tokenizer, as many
    of its tokens, so that names come from everywhere in the space of embeddings."""
    counts: Counter[str] = Counter()
    for project in projects("train")[:60]:
        for _, text in list(project.files())[:40]:
            counts.update(re.findall(r"[a-z]{3,10}", text))
    words = sorted(word for word, count in counts.items() if count > 3 and word not in EVALUATED)
    random.Random(7).shuffle(words)
    cut = len(words) // 5
    if split != "train":
        return words[:cut]
    tokens = sorted(token.lstrip("Ġ").lower() for token in tokenizer.get_vocab()) if tokenizer else []
    pieces = sorted({token for token in tokens if re.fullmatch(r"[a-z]{2,10}", token)} - {*words[:cut], *EVALUATED})
    return words[cut:] + random.Random(8).sample(pieces, min(len(words), len(pieces)))


def make_name(rng: random.Random, words: list[str]) -> str:
    parts = rng.sample(words, rng.choice([1, 2, 2, 2, 2, 3]))
    style = rng.randrange(7)
    if style == 0 and len(parts) > 1:
        return " ".join(parts)
    if style == 1:
        return parts[0] + "".join(part.title() for part in parts[1:])
    if style == 2:
        return "".join(part.title() for part in parts)
    return "_".join(parts).upper() if style < 6 else "_".join(parts)


def make_value(rng: random.Random) -> str:
    digits = rng.choice([1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6])
    return str(rng.randrange(10 ** (digits - 1), 10**digits))


def make_fact(rng: random.Random, words: list[str], split: str = "train") -> Fact:
    name, value = make_name(rng, words), make_value(rng)
    stated = wordings.statement(rng) if split == "train" else rng.choice(wordings.HELD_STATEMENTS)
    return Fact(name, value, stated.format(name=name, value=value))


def make_passkey(rng: random.Random) -> Fact:
    name = rng.choice(PASSKEY_NAMES[:2] if rng.random() < 0.5 else PASSKEY_NAMES)
    value = str(rng.randrange(10_000, 100_000))
    first = "" if rng.random() < 0.6 else PASSKEY
    return Fact(name, value, first + rng.choice(PASSKEY_STATEMENTS[: 1 if rng.random() < 0.5 else None]).format(name=name, value=value), True)
