"""A training run: seeds, checkpoints that it resumes from, and its curves."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

CACHE = Path(os.environ.get("REPO_MEMORY_TRAINING", Path.home() / ".cache/repo-memory/training"))
"""What is large and can be made again; never in the tree."""


def seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def save_checkpoint(path: Path, **state: Any) -> None:
    """Writes beside its goal and renames, so that a checkpoint that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({**state, "random": (random.getstate(), np.random.get_state(), torch.get_rng_state())}, part)
    part.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state of a run that was broken off, random generators set as they stood; None where there is none."""
    if not path.exists():
        return None
    state = torch.load(path, weights_only=False, map_location="cpu")
    own, numpy_state, torch_state = state.pop("random")
    random.setstate(own)
    np.random.set_state(numpy_state)
    torch.set_rng_state(torch_state)
    return state


class Curves:
    """Figures by step in a CSV file: one column a name. Rows behind the step that a run resumes at are dropped, all of them where it begins at 0."""

    def __init__(self, path: Path, resumed_at: int = 0) -> None:
        self.path = path
        self.rows = [row for row in read_rows(path) if row["step"] <= resumed_at] if resumed_at else []

    def add(self, step: int, **figures: float) -> None:
        self.rows.append({"step": step, **figures})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in self.rows)


def read_rows(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
