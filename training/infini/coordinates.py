"""Banks along the maps' axes: all that training reads, small enough to be held whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .axes import along
from .bank import Asked, Code, Places
from .facts import Fact
from .memory import InfiniModel


@dataclass
class Coordinates:
    facts: list[Fact]
    keys: Places  # `inputs` [rows, layers, axes]
    asked: Asked
    values: Tensor  # [rows, layers, 2 * kvWidth] bfloat16: standardised states of what the keys write
    code: Code | None = None
    code_values: Tensor | None = None

    @classmethod
    def joined(cls, parts: list[Coordinates], model: InfiniModel, code: Code) -> Coordinates:
        start = 0
        for part in parts:
            part.keys.fact, part.asked.fact = part.keys.fact + start, part.asked.fact + start
            start += len(part.facts)
        code_values = values_of(model, code.entries)
        code.entries.inputs = projected(model, "key", code.entries.inputs)
        code.asked.inputs = projected(model, "query", code.asked.inputs)
        return cls(
            [fact for part in parts for fact in part.facts], Places.joined([part.keys for part in parts]),
            Asked.joined([part.asked for part in parts]), torch.cat([part.values for part in parts]), code, code_values,
        )  # fmt: skip


@torch.no_grad()
def coordinates(model: InfiniModel, facts: list[Fact], written: Places, asked: Asked) -> Coordinates:
    values = values_of(model, written)
    written.inputs = projected(model, "key", written.inputs)
    asked.inputs = projected(model, "query", asked.inputs)
    return Coordinates(facts, written, asked, values)


def projected(model: InfiniModel, kind: str, inputs: Tensor) -> Tensor:
    return torch.stack([along(model.at(number), kind, inputs[:, i]) for i, number in enumerate(model.layer_numbers)], 1).bfloat16()


def values_of(model: InfiniModel, places: Places) -> Tensor:
    return places.inputs[..., -2 * model.config.kv_width :].clone()
