"""Which projects the side network is trained on, and their states."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path, PurePosixPath

from common.backbone import Backbone
from common.corpus import Project, projects
from common.runs import CACHE
from common.segments import prefix_tokens, segments
from tokenizers import Tokenizer

from .states import Extent, States, write_states

BANK_LAYER = 18
"""Where the heads are whose queries find, un-rotated, where the text stood before (MODEL_CARD.md has the measurement)."""
LANGUAGES = {".py": "python", ".pyi": "python", ".js": "script", ".ts": "script", ".tsx": "script"}
SHARES = {"python": 3, "script": 2, "native": 1}
"""Projects of each kind in a round."""
SMALLEST = 60_000
"""Characters of a project that is trained on: with less, little comes before anything."""


def kind(project: Project) -> str | None:
    """The language that most of its files are in; None for a project that is too small."""
    files = list(project.files())
    if sum(len(text) for _, text in files) < SMALLEST:
        return None
    ends = Counter(LANGUAGES.get(PurePosixPath(path).suffix, "native") for path, _ in files)
    return ends.most_common(1)[0][0]


def training_order(seed: int) -> list[Project]:
    """The training projects in an order in which each beginning holds the languages by their shares."""
    by_kind: dict[str, list[Project]] = {name: [] for name in SHARES}
    for project in projects("train"):
        if (name := kind(project)) is not None:
            by_kind[name].append(project)
    shuffler = random.Random(seed)
    for group in by_kind.values():
        shuffler.shuffle(group)
    order: list[Project] = []
    while any(by_kind.values()):
        for name, share in SHARES.items():
            order += by_kind[name][:share]
            del by_kind[name][:share]
    return order


def collect(projects: list[Project], extent: Extent, backbone: Backbone, tokenizer: Tokenizer, bank_layer: int, kind: str) -> list[States]:
    """The states of the first tokens of each project, computed where that was not done."""
    prefix = prefix_tokens(tokenizer)
    found = []
    for project in projects:
        name = f"{kind}-{bank_layer}-{extent.predicted}" + (f"-behind-{extent.before}" if extent.before else "")
        folder = CACHE / "longmem" / name / project.name.replace("/", "+")
        write_states(folder, segments(project, tokenizer), extent, backbone, prefix, bank_layer)
        found.append(States(folder))
    return found
