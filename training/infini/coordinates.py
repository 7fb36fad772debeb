"""Banks along the maps' axes: all that training reads, small enough to be held whole."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .axes import along
from .bank import Asked, Places
from .code_bank import Read
from .facts import Fact
from .memory import InfiniModel


@dataclass
class Ordinary:
    """Places of text that states no facts, and of questions that ask for none."""

    keys: Tensor  # [rows, layers, axes] bfloat16: entries of code and grass
    values: Tensor  # [rows, layers, 2 * kvWidth] bfloat16
    is_grass: Tensor  # [rows]
    queries: Tensor  # [rows, layers, axes] bfloat16: places of code, and of answers in words

    @classmethod
    def joined(cls, parts: list[Ordinary]) -> Ordinary:
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass
class Coordinates:
    facts: list[Fact]
    keys: Places  # `inputs` [rows, layers, axes]
    asked: Asked
    values: Tensor  # [rows, layers, 2 * kvWidth] bfloat16: standardised states of what the keys write

    @classmethod
    def joined(cls, parts: list[Coordinates]) -> Coordinates:
        start = 0
        for part in parts:
            part.keys.fact, part.asked.fact = part.keys.fact + start, part.asked.fact + start
            start += len(part.facts)
        return cls(
            [fact for part in parts for fact in part.facts], Places.joined([part.keys for part in parts]),
            Asked.joined([part.asked for part in parts]), torch.cat([part.values for part in parts]),
        )  # fmt: skip


def ordinary(model: InfiniModel, read: list[Read], grass: list[Tensor], words: Tensor) -> Ordinary:
    """Of code that was read, of inputs of keys in grass, and of places of answers in words (coordinates already)."""
    inputs = torch.cat([each.keys for each in read] + grass)
    is_grass = torch.arange(len(inputs)) >= sum(len(each.keys) for each in read)
    values = inputs[..., -2 * model.config.kv_width :].clone()
    queries = projected(model, "query", torch.cat([each.queries for each in read]))
    return Ordinary(projected(model, "key", inputs), values, is_grass, torch.cat([queries, words]))


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
