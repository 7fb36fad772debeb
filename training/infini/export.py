"""The trained model as the engine reads it, and back: gates and null mass behind their functions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from common.export import read_weights, write_weights

from .memory import DECAY, InfiniLayer, InfiniModel

FORMAT = "repo-memory infini 1"


MAPS = {"key": "key", "value": "value", "query": "query", "down": "output_down", "up": "output_up"}
"""Linear maps by their names in the file."""
STANDARDS = ("kv_mean", "kv_scale", "query_mean", "query_scale")


def tensors_of(model: InfiniModel) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for number in model.layer_numbers:
        own = model.at(number)
        for name, attribute in MAPS.items():
            linear = getattr(own, attribute)
            made[f"{number}.{name}.weight"] = linear.weight.detach()
            if linear.bias is not None:
                made[f"{number}.{name}.bias"] = linear.bias.detach()
        for name in STANDARDS:
            made[f"{number}.{name}"] = getattr(own, name)
        made[f"{number}.gate"] = torch.sigmoid(own.gate.detach())
        made[f"{number}.null"] = functional.softplus(own.null.detach()).flatten()
    return made


def write_model(path: Path, model: InfiniModel, model_hash: str, figures: dict[str, object]) -> None:
    config = {"layers": model.layer_numbers, "decay": DECAY, **figures}
    write_weights(path, tensors_of(model), {"format": FORMAT, "model": model_hash, "config": json.dumps(config)})


def load_exported(path: Path, model: InfiniModel) -> None:
    """Sets a model to what a shipped file says, rounding and all: the reference that the engine is held against."""
    stored = read_weights(path)
    with torch.no_grad():
        for number in model.layer_numbers:
            own: InfiniLayer = model.at(number)
            for name, attribute in MAPS.items():
                linear = getattr(own, attribute)
                linear.weight.copy_(stored[f"{number}.{name}.weight"])
                if linear.bias is not None:
                    linear.bias.copy_(stored[f"{number}.{name}.bias"])
            for name in STANDARDS:
                getattr(own, name).copy_(stored[f"{number}.{name}"])
            own.gate.copy_(torch.logit(stored[f"{number}.gate"].double()).float())
            null = stored[f"{number}.null"].view_as(own.null).double()
            own.null.copy_((null + torch.log(-torch.expm1(-null))).float())


def file_hash(path: Path) -> str:
    """The engine's name for a model: sha256 of a GGUF file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
