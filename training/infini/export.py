"""The trained model as the engine reads it, and back: standards folded into the maps, gates and null mass behind their functions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from common.export import read_weights, write_weights

from .memory import InfiniLayer, InfiniModel

FORMAT = "repo-memory infini 1"


def tensors_of(model: InfiniModel) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for number in model.layer_numbers:
        own = model.at(number)
        for name, linear, mean, scale in (
            ("key", own.key, own.kv_mean, own.kv_scale),
            ("value", own.value, own.kv_mean, own.kv_scale),
            ("query", own.query, own.query_mean, own.query_scale),
        ):
            weight = linear.weight.detach() * scale
            made[f"{number}.{name}.weight"] = weight
            made[f"{number}.{name}.bias"] = linear.bias.detach() - weight @ mean
        made[f"{number}.down.weight"] = own.output_down.weight.detach()
        made[f"{number}.up.weight"] = own.output_up.weight.detach()
        made[f"{number}.gate"] = torch.sigmoid(own.gate.detach())
        made[f"{number}.null"] = functional.softplus(own.null.detach()).flatten()
    return made


def write_model(path: Path, model: InfiniModel, model_hash: str, figures: dict[str, object]) -> None:
    config = {"layers": model.layer_numbers, **figures}
    write_weights(path, tensors_of(model), {"format": FORMAT, "model": model_hash, "config": json.dumps(config)})


def load_exported(path: Path, model: InfiniModel) -> None:
    """Sets a model to what a shipped file says, rounding and all: the reference that the engine is held against."""
    stored = read_weights(path)
    with torch.no_grad():
        for number in model.layer_numbers:
            own: InfiniLayer = model.at(number)
            own.kv_mean.zero_()
            own.query_mean.zero_()
            own.kv_scale.fill_(1)
            own.query_scale.fill_(1)
            for name, linear in (("key", own.key), ("value", own.value), ("query", own.query)):
                linear.weight.copy_(stored[f"{number}.{name}.weight"])
                linear.bias.copy_(stored[f"{number}.{name}.bias"])
            own.output_down.weight.copy_(stored[f"{number}.down.weight"])
            own.output_up.weight.copy_(stored[f"{number}.up.weight"])
            own.gate.copy_(torch.logit(stored[f"{number}.gate"].double()).float())
            null = stored[f"{number}.null"].view_as(own.null).double()
            own.null.copy_((null + torch.log(-torch.expm1(-null))).float())


def file_hash(path: Path) -> str:
    """The engine's name for a model: sha256 of a GGUF file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
