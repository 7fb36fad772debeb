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


STANDARDS = ("kv_mean", "kv_scale", "query_mean", "query_scale")


def tensors_of(model: InfiniModel) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    for number in model.layer_numbers:
        own = model.at(number)
        for name, (weight, bias) in {"key": own.key_map(), "query": own.query_map(), "value": (own.value.weight, own.value.bias)}.items():
            made[f"{number}.{name}.weight"], made[f"{number}.{name}.bias"] = weight.detach(), bias.detach()
        made[f"{number}.output.weight"] = own.output_up.weight.detach() @ own.output_down.weight.detach()
        for name in STANDARDS:
            made[f"{number}.{name}"] = getattr(own, name)
        made[f"{number}.gate"] = torch.sigmoid(own.gate.detach())
        made[f"{number}.null"] = functional.softplus(own.null.detach()).flatten()
    return made


@torch.no_grad()
def raise_nothing(model: InfiniModel, factor: float) -> None:
    """Multiplies the mass that has a value of nothing: the more of it, the quieter are heads that are not sure."""
    for number in model.layer_numbers:
        null = model.at(number).null
        null.copy_(before_softplus(factor * functional.softplus(null).double()))


def before_softplus(values: Tensor) -> Tensor:
    return (values + torch.log(-torch.expm1(-values))).float()


def write_model(path: Path, model: InfiniModel, model_hash: str, figures: dict[str, object]) -> None:
    config = {"layers": model.layer_numbers, "decay": DECAY, **figures}
    write_weights(path, tensors_of(model), {"format": FORMAT, "model": model_hash, "config": json.dumps(config)})


@torch.no_grad()
def load_exported(path: Path, model: InfiniModel) -> None:
    """Sets a model to what a shipped file says, rounding and all: the reference that the engine is held against."""
    stored = read_weights(path)
    for number in model.layer_numbers:
        own: InfiniLayer = model.at(number)
        for name in ("key", "value", "query"):
            weight = stored[f"{number}.{name}.weight"]
            linear = nn.Linear(*weight.shape[::-1])
            linear.weight.copy_(weight)
            linear.bias.copy_(stored[f"{number}.{name}.bias"])
            setattr(own, name, linear)
            if name != "value":
                setattr(own, f"{name}_axes", torch.eye(weight.shape[1]))
                setattr(own, f"{name}_offset", torch.zeros(weight.shape[1]))
        output = stored[f"{number}.output.weight"]
        own.output_down, own.output_up = identity(output.shape[1]), nn.Linear(*output.shape[::-1], bias=False)
        own.output_up.weight.copy_(output)
        for name in STANDARDS:
            getattr(own, name).copy_(stored[f"{number}.{name}"])
        own.gate.copy_(torch.logit(stored[f"{number}.gate"].double()).float())
        own.null.copy_(before_softplus(stored[f"{number}.null"].view_as(own.null).double()))


def identity(width: int) -> nn.Linear:
    linear = nn.Linear(width, width, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(width))
    return linear


def file_hash(path: Path) -> str:
    """The engine's name for a model: sha256 of a GGUF file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
