"""Made facts: a name, its value, how a text states them, and how a question asks. Names and wordings of evaluation are held out."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

from tokenizers import Tokenizer

from common.corpus import projects

PASSKEY = "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. "
"""The paper's task (section 3.2) in its own words; the grass is its filler."""
GRASS = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "

STATEMENTS = {
    "train": [
        "{name} = {value}\n", "{name}: int = {value}\n", "    self.{name} = {value}\n", '    "{name}": {value},\n', "    '{name}': {value},\n",
        "const {name} = {value};\n", "export const {name} = {value};\n", "let {name} = {value};\n", "  {name}: {value},\n", "#define {name} {value}\n",
        "static const int {name} = {value};\n", "constexpr auto {name} = {value};\n", "{name}={value}\n", "export {name}={value}\n", "  static readonly {name} = {value};\n",
        "{name}: {value}\n", "# {name} is {value}\n", "// {name} must be {value}\n", "{name} is set to {value}.\n", "The code for {name} is {value}.\n",
        "The value of {name} is {value}.\n", "Remember that {name} has the value {value}.\n", "- {name}: {value}\n", "{name} -> {value}\n", 'settings["{name}"] = {value}\n',
        "| {name} | {value} |\n", "The number of {name} is {value}.\n", "var {name} = {value}\n",
    ],
    "held-out": [
        "pub const {name}: u32 = {value};\n", "public static final int {name} = {value};\n", "The access code of {name} is {value}.\n", "    parser.set_defaults({name}={value})\n",
        "we agreed on {value} for {name}\n", "final {name} = {value};\n", "{name} was given the number {value}.\n",
    ],
}
"""`{name}` comes before `{value}` in all of training's."""

QUESTIONS = {
    "train": [
        "What is the value of {name}?", "What is {name}?", "What is {name} set to?", "Which value does {name} have?", "What is the code for {name}?", "Tell me the value of {name}.",
        "{name}?", "What number is {name}?", "Give me {name}.", "What does {name} equal?", "Find the value of {name} in the files.", "Which number belongs to {name}?",
        "In the code, what is {name}?", "How is {name} defined?", "Say {name}.", "Could you read {name} out to me?", "{name} please", "How many is {name}?",
        "Where the files define {name}, which number do they give?", "What did they choose for {name}?", "{name}: which number?", "Which figure stands behind {name}?",
        "Can you remember {name}?", "What's {name}", "Show me the number for {name}.", "What is written for {name}?", "Return {name}.", "Is there a number for {name}?",
        "What is the current {name}?", "print({name})", "Tell me about {name}", "What does the project use for {name}?", "How much is {name} exactly?",
        "The code has {name}; what does it hold?", "Which number was chosen for {name} in this project?", "I forgot {name}. What was it again?", "Quote the number of {name} for me",
        "Name the figure that {name} has in the source, please.", "{name} in this code base?", "To which number is {name} bound?", "Check the files: {name}?",
    ],
    "held-out": [
        "Do you know what {name} was set to?", "What value was assigned to {name}?", "Look up {name} and say its value.", "Please state the number stored under {name}.",
        "How large is {name}?", "I need the constant {name}, what is it?",
    ],
}

ANSWERS = ["{value}", "The value of {name} is {value}.", "{name} is {value}.", "`{name}` is {value}.", "{name} = {value}"]
"""The first is what the memory is to make of a question; behind the others' words it goes on in the same way."""
SHORT = 0.8
"""Share of answers that are the value alone."""

COMPLETIONS = ["{name} = {value}", "{name}: {value}", "The value of {name} is {value}", "# {name} is {value}", "const {name} = {value}"]

EVALUATED = frozenset(
    (
        "harbour lantern quay tern mast anchor barrel beacon breeze candle canyon castle cedar cliff clover comet copper coral cradle creek crystal dagger "
        "desert diamond dragon eagle falcon feather fern fiddle flame forest fountain fox glacier gravel grove hammer hazel heron hollow horizon island "
        "ivory jacket jungle kettle ladder lagoon lemon lily lizard maple marble meadow monsoon mountain nettle ocean olive"
    ).split()
)
"""Words of the names that the engine's evaluation asks for (`test/eval/strategy-cases.ts`); no name of training has one."""

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
            question, answers = rng.choice(PASSKEY_QUESTIONS[:1] if split == "held-out" else PASSKEY_QUESTIONS), PASSKEY_ANSWERS
        else:
            question, answers = rng.choice(QUESTIONS[split]), ANSWERS
        answer = answers[0] if rng.random() < SHORT else rng.choice(answers[1:])
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
    parts = rng.sample(words, rng.choice([1, 2, 2, 2, 3, 3]))
    style = rng.randrange(6)
    if style == 0 and len(parts) > 1:
        return " ".join(parts)
    if style == 1:
        return parts[0] + "".join(part.title() for part in parts[1:])
    if style == 2:
        return "".join(part.title() for part in parts)
    return "_".join(parts).upper() if style < 5 else "_".join(parts)


def make_value(rng: random.Random) -> str:
    digits = rng.choice([1, 2, 3, 4, 4, 4, 5, 5, 5, 5, 6])
    return str(rng.randrange(10 ** (digits - 1), 10**digits))


def make_fact(rng: random.Random, words: list[str], split: str = "train") -> Fact:
    name, value = make_name(rng, words), make_value(rng)
    return Fact(name, value, rng.choice(STATEMENTS[split]).format(name=name, value=value))


def make_passkey(rng: random.Random) -> Fact:
    name = rng.choice(PASSKEY_NAMES[:2] if rng.random() < 0.5 else PASSKEY_NAMES)
    value = str(rng.randrange(10_000, 100_000))
    first = "" if rng.random() < 0.6 else PASSKEY
    return Fact(name, value, first + rng.choice(PASSKEY_STATEMENTS[: 1 if rng.random() < 0.5 else None]).format(name=name, value=value), True)
