"""Writes the trained side network as the engine reads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from common.corpus import REPOSITORY
from common.export import read_weights, write_weights
from common.runs import load_checkpoint
from safetensors import safe_open

from .bank import CHUNK, RETRIEVED
from .side_net import SideConfig, SideNet

STRATEGIES = REPOSITORY / "engine/strategies"


def export(net: SideNet, checkpoint: Path, model: Path) -> Path:
    """The checkpoint's weights, found by the hash of the model that they were trained for."""
    state = load_checkpoint(checkpoint)
    if state is None:
        raise FileNotFoundError(f"{checkpoint}: nothing was trained yet")
    net.load_state_dict(state["net"])
    path = shipped_path(model)
    write_weights(path, net.state_dict(), metadata_of(net, file_hash(model)))
    return path


def shipped_path(model: Path) -> Path:
    """Where the engine looks for the weights of this model."""
    return STRATEGIES / f"{file_hash(model)[:16]}.longmem.safetensors"


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def metadata_of(net: SideNet, model: str) -> dict[str, str]:
    """What the engine checks before it reads a tensor; `model` is the hash of the backbone's file."""
    config = asdict(net.config) | {"chunk": CHUNK, "retrieved": RETRIEVED}
    return {"format": "repo-memory longmem 1", "model": model, "config": json.dumps(config)}


def read_config(path: Path) -> SideConfig:
    """What a shipped file says of its network."""
    with safe_open(path, "pt") as file:
        stored = json.loads(file.metadata()["config"])
    return SideConfig(stored["bank_layer"], tuple(stored["memory_layers"]), stored["first_layer"], stored["rank"], stored["usual_bank"])


def load_shipped(net: SideNet, path: Path) -> None:
    """Takes the weights as they were shipped, rounded to int8."""
    net.load_state_dict(read_weights(path))
