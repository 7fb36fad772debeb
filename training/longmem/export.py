"""Writes the trained side network as the engine reads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from common.corpus import REPOSITORY
from common.export import read_weights, write_weights
from common.runs import load_checkpoint

from .bank import CHUNK, RETRIEVED
from .side_net import SideNet

STRATEGIES = REPOSITORY / "engine/strategies"


def export(net: SideNet, checkpoint: Path, model: Path) -> Path:
    """The checkpoint's weights, found by the hash of the model that they were trained for."""
    state = load_checkpoint(checkpoint)
    if state is None:
        raise FileNotFoundError(f"{checkpoint}: nothing was trained yet")
    net.load_state_dict(state["net"])
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    path = STRATEGIES / f"{digest[:16]}.longmem.safetensors"
    write_weights(path, net.state_dict(), metadata_of(net, digest))
    return path


def metadata_of(net: SideNet, model: str) -> dict[str, str]:
    """What the engine checks before it reads a tensor; `model` is the hash of the backbone's file."""
    config = asdict(net.config) | {"chunk": CHUNK, "retrieved": RETRIEVED}
    return {"format": "repo-memory longmem 1", "model": model, "config": json.dumps(config)}


def load_shipped(net: SideNet, path: Path) -> None:
    """Takes the weights as they were shipped, rounded to int8."""
    net.load_state_dict(read_weights(path))
