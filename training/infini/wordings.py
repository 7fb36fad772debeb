"""How made facts are stated, asked for and answered: sentences of parts, so that hardly a wording is seen twice; held-out ones have words that none of these parts has.

The engine's evaluation (`test/eval/strategy-cases.ts`) asks in its own words, of which none is made here (`test_infini.py`).
"""

from __future__ import annotations

import random

NOUNS = "value number figure setting code id amount limit level count digits constant parameter entry size quantity".split()

DECLARED = [
    "", "", "", "", "", "const ", "let ", "var ", "export const ", "static const int ", "static const ", "constexpr auto ", "constexpr int ", "export ", "self.", "this.", "val ",
    "static readonly ", "private readonly ", "readonly ", "global ", "int ", "long ", "uint32_t ", "local ", "inline int ", "pub static ", "export let ", "cfg.", "options.", "def ",
]  # fmt: skip
TYPED = ["", "", "", "", "", "", ": int", ": number", ": Final", ": i64", ": usize", ": float"]
BOUND = [" = ", " = ", " = ", " = ", "=", " := ", ": ", " == ", " ?= ", "  =  "]
ENDED = ["", "", "", "", ";", ";", ",", ",", "  # default", " // tuned", "  # see the docs", " ;", " /* fixed */"]
STRUCTURED = [
    '"{name}": {value},', "'{name}': {value},", "#define {name} {value}", "#define {name} ({value})", "{name}: {value}", "- {name}: {value}", "* {name}: {value}", "| {name} | {value} |",
    "{name} -> {value}", "{name} => {value}", 'settings["{name}"] = {value}', "config['{name}'] = {value};", "set({name}, {value})", 'register("{name}", {value});', "--{name}={value}",
    "({name}, {value}),", "<{name}>{value}</{name}>", "{name}\t{value}", "{name}: {value}px;", "{name} {value}", "[{name}] {value}", 'map.set("{name}", {value});', "enum {{ {name} = {value} }};",
    "{name}({value})", "{name}, {value}", "`{name}`: {value}", "**{name}**: {value}", "{{ name: '{name}', value: {value} }},", 'os.environ["{name}"] = "{value}"', "ENV {name}={value}", "{name} ... {value}",
]  # fmt: skip
REMARKED = ["", "", "", "# ", "# ", "// ", "// ", "* ", "- ", "-- ", "<!-- ", "/* ", "NOTE: ", "# TODO: ", "> ", "Remember: ", "1. ", "    # ", "  // "]
SUBJECTS = ["{name}", "{name}", "{name}", "The {noun} of {name}", "The {noun} for {name}", "Our {name}", "The {noun} {name}", "`{name}`", "the {noun} that {name} has", "The right {noun} for {name}", "Here {name}"]
VERBS = "is|is|is|is set to|equals|must be|should be|defaults to|is fixed at|has the value|is always|was|stays at|is now|reads|comes to|amounts to|got the number|takes|carries|means|is kept at|is limited to|has number".split("|")
TAILS = ["", "", "", "", " here", " for now", " in production", ", as decided", " by default", " (do not change)", " in this module"]
PROSE = [
    "For {name} we use {value}", "For {name} take {value}", "Set {name} to {value}", "With {name} at {value} all tests pass", "We changed {name} to {value}", "{name} has {value} of them", "Use {name}, that is {value}",
    "Keep {name} below {value}", "They chose {name} to be {value}", "If asked for {name}, say {value}", "Whoever needs {name} gets {value}", "Remember that {name} has the value {value}", "Increase {name} up to {value}",
]  # fmt: skip


def statement(rng: random.Random) -> str:
    """A line with `{name}` before `{value}`."""
    while (made := any_statement(rng)).find("code for {name} is") >= 0:  # the evaluation's
        pass
    return made


def any_statement(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.42:
        line = rng.choice(DECLARED) + "{name}" + rng.choice(TYPED) + rng.choice(BOUND) + "{value}" + rng.choice(ENDED)
        return rng.choice(["", "", "", "    ", "  ", "\t"]) + line + "\n"
    if kind < 0.62:
        return rng.choice(["", "", "  ", "    "]) + rng.choice(STRUCTURED) + "\n"
    if kind < 0.7:
        line = rng.choice(PROSE)
    else:
        line = rng.choice(SUBJECTS).replace("{noun}", rng.choice(NOUNS)) + " " + rng.choice(VERBS) + " {value}" + rng.choice(TAILS)
    return rng.choice(REMARKED) + line + rng.choice([".", ".", "", ""]) + "\n"


GREETED = [
    "", "", "", "", "", "", "", "", "Hello. ", "Quick question: ", "From the files: ", "One more thing. ", "According to the code: ", "Answer briefly. ", "Only the number, please. ", "I am new here. ", "Sorry to ask again. ",
    "I read the code and wonder: ", "Thanks. ", "For the report: ", "Now tell me, ", "OK, ",
]  # fmt: skip
ENDINGS = ["", "", "", "", "", "", "", " Just the number.", " Please.", " Thanks!", " (number only)", " I cannot find it.", " It must be somewhere.", " Be exact.", " One number is enough."]
THINGS = [
    "{name}", "{name}", "{name}", "{name}", "the {noun} of {name}", "the {noun} for {name}", "the {noun} behind {name}", "the {noun} {name}", "{name}'s {noun}", "the {noun} that {name} has", "the {noun} that belongs to {name}",
    "what {name} is", "the {noun} called {name}", "the {noun} named {name}", "the exact {noun} of {name}", "the current {noun} of {name}", "which {noun} {name} has", "the {noun} written for {name}",
]  # fmt: skip
ORDERS = (
    "Tell me|Give me|Show me|Say|Print|Return|Find|Read out|Name|Quote|Write down|Recall|Remember|Can you tell me|Could you give me|Would you tell me|Please tell me|I want to know|I forgot|I would like to have|"
    "Can you remember|Search for|Check|Get|Fetch|Report|Mention|Repeat|Output|Write|Let me know|Remind me of|Please give|Please find|Please repeat|Could you read|Help me with|Can you find|Do tell"
).split("|")
ASKED = [
    "What is {thing}", "What is {thing}", "What's {thing}", "What was {thing}", "And what is {thing}", "Which one is {thing}", "So what is {thing}", "What {noun} does {name} have", "What {noun} has {name}",
    "What does {name} equal", "What does {name} hold", "What does {name} mean here", "What does {name} say", "What does {name} contain", "What does {name} default to", "What does {name} refer to",
    "Which {noun} belongs to {name}", "Which {noun} does {name} have", "Which {noun} is behind {name}", "Which {noun} goes with {name}", "Which {noun} did they choose for {name}", "Which {noun} do we use for {name}",
    "How much is {name}", "How many is {name}", "How big is {name}", "How high is {name}", "How is {name} defined", "How was {name} configured", "{name} is set to what", "{name} equals", "{name} =", "{name}", "{name}",
    "{name}: which {noun}", "And {name}", "{noun} of {name}", "What about {name}", "What did we choose for {name}", "What was picked for {name}", "What was given for {name}", "What is used for {name}", "What is {name} set to",
    "What stands behind {name}", "Where {name} is defined, which {noun} stands there", "Is there a {noun} for {name}", "To which {noun} is {name} bound", "What is written next to {name}", "With which {noun} does {name} come",
    "At what {noun} is {name} fixed", "On which {noun} did the team settle for {name}", "{name} has which {noun}", "If I read {name}, which {noun} do I get", "What would print({name}) show", "What comes after {name} in the files",
    "Which {noun} should I use for {name}", "Has {name} a {noun}", "Who knows {name}", "When the code uses {name}, what is it", "I see {name} in the code, what is its {noun}", "{name} is a {noun}, which", "There is {name}; how much",
]  # fmt: skip
PLACES = ["", "", "", "", "", "", "", " in the code", " here", " in this project", " in the files", " in the repository", " again", " exactly", " right now", " in the source", " in this code base"]
MARKED = ["{name}", "{name}", "{name}", "{name}", "{name}", "{name}", "`{name}`", '"{name}"', "'{name}'"]


def question(rng: random.Random) -> str:
    """A question with `{name}` in it."""
    if rng.random() < 0.4:
        text = rng.choice(ORDERS) + " {thing}" + rng.choice(PLACES) + rng.choice([".", ".", "", "?", "!"])
    else:
        text = rng.choice(ASKED) + rng.choice(PLACES) + rng.choice(["?", "?", "?", "?", ""])
    text = text.replace("{thing}", rng.choice(THINGS)).replace("{noun}", rng.choice(NOUNS)).replace("{name}", rng.choice(MARKED))
    if rng.random() < 0.15:
        text = text[:1].lower() + text[1:]
    return rng.choice(GREETED) + text + rng.choice(ENDINGS)


LED = [
    "The {noun} of {name} is ", "The {noun} for {name} is ", "{name} is ", "`{name}` is ", "{name} = ", "{name}: ", "It is ", "The answer is ", "In the code, {name} is set to ", "The {noun} {name} is ", "The {noun} is ",
    "In the files, {name} is defined as ", "{name} has the value ", "{name} is set to ", "The value of `{name}` is ", "{name} equals ", "That is ", "According to the files, {name} is ", "Sure: ",
]  # fmt: skip
SHORT = 0.75
"""Share of answers that are the value alone, as a question alone is to be answered; behind other words the memory goes on in the same way."""


def answer(rng: random.Random) -> str:
    if rng.random() < SHORT:
        return "{value}"
    return rng.choice(LED).replace("{noun}", rng.choice(NOUNS)) + "{value}" + rng.choice([".", "", ""])


HELD_STATEMENTS = [
    "pub const {name}: u32 = {value};\n", "public static final int {name} = {value};\n", "Auditors measured {name} as {value}.\n", "    parser.set_defaults({name}={value})\n",
    "regarding {name} everyone agreed: {value}\n", "immutable {name} = {value};\n", "{name} was granted {value}.\n", "assert {name} <= {value}\n",
]  # fmt: skip
HELD_QUESTIONS = [
    "Any idea how {name} ended up?", "Dig out {name} and spell its digits.", "Kindly state what got recorded under {name}.", "Would you happen to be aware of {name}'s definition?", "My colleague asks about the variable {name}, can you assist?",
    "How large did {name} become?", "With what was {name} initialised?", "Look into the constant {name}. Its content?",
]  # fmt: skip
"""For trials while training; neither training's nor the evaluation's."""
