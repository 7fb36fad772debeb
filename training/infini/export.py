"""The trained model as the engine reads it, and back: gates and null mass behind their functions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from common.export import read_weights, write_weights

from .memory import DECAY, InfiniLayer, InfiniModel

FORMAT = "repo-memory infini 1"


MAPS = ("key", "value", "query")
STANDARDS = ("kv_mean", "kv_scale", "query_mean", "query_scale")


def tensors_of(model: InfiniModel) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for number in model.layer_numbers:
        own = model.at(number)
        for name in MAPS:
            linear = getattr(own, name)
            made[f"{number}.{name}.weight"] = linear.weight.detach()
            made[f"{number}.{name}.bias"] = linear.bias.detach()
        made[f"{number}.key.weight"] = own.key_weight().detach()
        made[f"{number}.query.weight"] = own.query_weight().detach()
        own_output = model.frozen.layers[number].output.weight.detach().float()
        made[f"{number}.output.weight"] = own_output + own.output_up.weight.detach() @ own.output_down.weight.detach()
        for name in STANDARDS:
            made[f"{number}.{name}"] = getattr(own, name)
        made[f"{number}.gate"] = torch.sigmoid(own.gate.detach())
        made[f"{number}.null"] = functional.softplus(own.null.detach()).flatten()
    return made


THRESHOLD, NULL = 5.0, 8.0
"""Chosen on the held-out facts after training: keys of ordinary code are kept out of long memories, and weak matches read nothing."""


@torch.no_grad()
def sharpen(model: InfiniModel) -> None:
    for number in model.layer_numbers:
        own = model.at(number)
        own.key.bias -= THRESHOLD
        own.null += NULL


def write_model(path: Path, model: InfiniModel, model_hash: str, figures: dict[str, object]) -> None:
    config = {"layers": model.layer_numbers, "decay": DECAY, **figures}
    write_weights(path, tensors_of(model), {"format": FORMAT, "model": model_hash, "config": json.dumps(config)})


def load_exported(path: Path, model: InfiniModel) -> None:
    """Sets a model to what a shipped file says, rounding and all: the reference that the engine is held against."""
    stored = read_weights(path)
    with torch.no_grad():
        for number in model.layer_numbers:
            own: InfiniLayer = model.at(number)
            for name in MAPS:
                linear = getattr(own, name)
                linear.weight.copy_(stored[f"{number}.{name}.weight"])
                linear.bias.copy_(stored[f"{number}.{name}.bias"])
            rest = stored[f"{number}.output.weight"] - model.frozen.layers[number].output.weight.float()
            own.output_down, own.output_up = identity(rest.shape[1]), nn.Linear(*rest.shape[::-1], bias=False)
            own.output_up.weight.copy_(rest)
            for name in STANDARDS:
                getattr(own, name).copy_(stored[f"{number}.{name}"])
            for whitening in (own.kv_whitening, own.query_whitening):
                whitening.copy_(torch.eye(len(whitening)))
            own.gate.copy_(torch.logit(stored[f"{number}.gate"].double()).float())
            null = stored[f"{number}.null"].view_as(own.null).double()
            own.null.copy_((null + torch.log(-torch.expm1(-null))).float())


def identity(width: int) -> nn.Linear:
    linear = nn.Linear(width, width, bias=False)
    linear.weight.copy_(torch.eye(width))
    return linear


def file_hash(path: Path) -> str:
    """The engine's name for a model: sha256 of a GGUF file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
