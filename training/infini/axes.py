"""The axes along which maps see their inputs: where statements and questions correlate, and what tells places of values from all others.

States of the first layers are almost their tokens' identity, so the trail at a value holds its name's fingerprint, and so does the trail
behind a question. Canonical correlation (Hotelling 1936) over made pairs finds the directions in which the two agree, whatever the name and
the wording; maps that are learnt along these only cannot learn names by heart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .bank import Asked, Places
from .memory import InfiniLayer, InfiniModel

CORRELATED, TOLD = 144, 5
"""Axes of correlation; axes of what is told apart by ridge regression."""
AXES = CORRELATED + TOLD
SHRINKAGE = 0.3
"""Of whitening, in deviations."""
SHARED = 31
"""Directions of these that maps begin along."""
SHARPNESS, THRESHOLD = 8.0, (0.5, 0.7)
"""Of maps before training: deviation of a feature before ELU, and how many deviations it lies below 0, at values' first tokens and at others."""
OPENING, CLOSING = (100.0, 75.0), 20.0
"""What a place that a head is there for adds to its keys, of both kinds, and takes from what keeps its queries silent."""
EVEN = 30.0
"""Weight of these places in what tells them from others."""
SILENT, WEAK = 20_000.0, 0.15
"""Mass of nothing in the feature that no key has, and in the others."""


@torch.no_grad()
def fit_axes(model: InfiniModel, written: Places, asked: Asked, code_keys: Tensor, code_queries: Tensor) -> dict[str, Tensor]:
    """Sets each layer's axes; of code come inputs of keys and of queries [places, layers, inputs]."""
    at_key, at_query = pairs(written, asked)
    for i, number in enumerate(model.layer_numbers):
        own = model.at(number)
        fit_layer(own, written.inputs[at_key, i].float(), asked.inputs[at_query, i].float())
        tell(own, "key", i, written, code_keys)
        tell(own, "query", i, asked, code_queries)
    return model.infini.state_dict()


def pairs(written: Places, asked: Asked) -> tuple[Tensor, Tensor]:
    """Rows of both that are the same token of the same fact's value."""
    first = {key: row for row, key in reversed(list(enumerate(zip(written.fact.tolist(), written.digit.tolist(), strict=True))))}
    rows = [(first[key], row) for row, key in enumerate(zip(asked.fact.tolist(), asked.digit.tolist(), strict=True)) if key in first]
    at_key, at_query = torch.tensor(rows).T
    return at_key, at_query


def fit_layer(own: InfiniLayer, keys: Tensor, queries: Tensor) -> None:
    keys = keys[:, : 4 * own.config.kv_width]  # without the value's own state
    (white_keys, key_map), (white_queries, query_map) = whitened(keys), whitened(queries)
    left, strength, right = torch.linalg.svd(white_keys.T @ white_queries / len(keys), full_matrices=False)
    scale = strength[:CORRELATED].clamp(min=0).sqrt()
    own.key_axes.zero_()
    own.query_axes.zero_()
    own.key_axes[:CORRELATED, : keys.shape[1]] = (key_map @ left[:, :CORRELATED] * scale).T
    own.query_axes[:CORRELATED] = (query_map @ right.T[:, :CORRELATED] * scale).T
    own.key_offset[:CORRELATED] = own.key_axes[:CORRELATED, : keys.shape[1]] @ keys.mean(0)
    own.query_offset[:CORRELATED] = own.query_axes[:CORRELATED] @ queries.mean(0)


def whitened(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows without mean and correlations, and the map that does it."""
    scale = rows.std(0).clamp(min=1e-3)
    standard = (rows - rows.mean(0)) / scale
    values, vectors = torch.linalg.eigh(standard.T @ standard / len(rows))
    white = vectors @ torch.diag((values.clamp(min=0) + SHRINKAGE) ** -0.5) @ vectors.T
    return standard @ white, white / scale[:, None]


def tell(own: InfiniLayer, kind: str, layer: int, places: Places, code: Tensor) -> None:
    """The last axes: how much a place is one of a value at all, of its first token, of a later one, of its end; and whether a digit comes next."""
    rows = torch.cat([places.inputs[:, layer], code[:, layer]]).float()
    last = places.fact.shape[0]
    ends = places.digit == ends_of(places)
    marks = torch.zeros(len(rows), TOLD)
    marks[:last, 0] = 1
    marks[:last, 1] = (places.digit == 0).float()
    marks[:last, 2] = ((places.digit > 0) & ~ends).float()
    marks[:last, 3] = ends.float()
    marks[:last, 4] = (~ends).float()
    mean, scale = rows.mean(0), rows.std(0).clamp(min=1e-3)
    standard = (rows - mean) / scale
    ridge = standard.T @ standard + 0.02 * len(rows) * torch.eye(rows.shape[1])
    found = torch.linalg.solve(ridge, standard.T @ (marks - marks.mean(0)))
    axes = (found / scale[:, None]).T
    getattr(own, f"{kind}_axes")[-TOLD:] = axes
    getattr(own, f"{kind}_offset")[-TOLD:] = axes @ mean - marks.mean(0)


def ends_of(places: Places) -> Tensor:
    """Of each place, the number of the token behind its fact's value."""
    most = torch.zeros(int(places.fact.max()) + 1, dtype=torch.long).scatter_reduce(0, places.fact, places.digit, "amax")
    return most[places.fact]


@dataclass
class Shared:
    """What keys and queries of the same tokens share, from most: directions [CORRELATED, SHARED], scaled alike, and where they are 0."""

    key: Tensor
    key_mean: Tensor
    query: Tensor
    query_mean: Tensor


def shared(keys: Tensor, queries: Tensor) -> Shared:
    """Canonical correlation once more, of coordinates [rows, CORRELATED] and of chosen tokens alone."""
    key_mean, query_mean = keys.mean(0), queries.mean(0)
    keys, queries = keys - key_mean, queries - query_mean
    by_key, by_query = (inverse_root(part.T @ part / len(part)) for part in (keys, queries))
    left, strength, right = torch.linalg.svd(by_key @ (keys.T @ queries / len(keys)) @ by_query)
    root = strength[:SHARED].clamp(min=0).sqrt()
    size = root.norm()
    return Shared(by_key @ left[:, :SHARED] * root / size, key_mean, by_query @ right.T[:, :SHARED] * root / size, query_mean)


def inverse_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag((values.clamp(min=0) + 0.05 * values.mean()) ** -0.5) @ vectors.T


@dataclass
class Pairs:
    """Coordinates in one layer [rows, AXES]: of keys and queries of the same tokens, each token's part, and of places of code, which have none."""

    keys: Tensor
    queries: Tensor
    part: Tensor
    code_keys: Tensor
    code_queries: Tensor


PARTS = 4
"""Of a value: its first, second and third token, and what follows."""


def part_of(layer: int, layers: int, head: int) -> int:
    """What a KV head is for: half of them for first tokens, where nothing but the name tells, the others by turns."""
    firsts = 2 if layer < layers // 2 else 1
    return 0 if head < firsts else 1 + (layer + head - firsts) % (PARTS - 1)


@torch.no_grad()
def begin(own: InfiniLayer, pairs: Pairs, parts: list[int]) -> None:
    """Random directions, the same for keys and queries: features agree where what they share does (Rahimi and Recht 2007), few at a time. Each
    KV head begins with one part of values. Of each one feature is kept for where it has nothing to look for: what a query reads is relative, so that it cannot be
    silent by being small."""
    dim, group = own.config.head_dim, own.config.heads // own.config.kv_heads
    for head, part in enumerate(parts):
        rows = pairs.part == part
        found = shared(pairs.keys[rows, :CORRELATED], pairs.queries[rows, :CORRELATED])
        directions = rotated(dim) * SHARPNESS
        threshold, opening = (each[min(part, 1)] for each in (THRESHOLD, OPENING))
        for linear, basis, mean in ((own.key, found.key, found.key_mean), (own.query, found.query, found.query_mean)):
            is_key = linear is own.key
            mark, offset = marks(*((pairs.keys, pairs.code_keys) if is_key else (pairs.queries, pairs.code_queries)), rows)
            weight = torch.zeros(dim, AXES)
            weight[:, :CORRELATED] = directions @ basis.T
            bias = -threshold * SHARPNESS - weight[:, :CORRELATED] @ mean
            if is_key:
                weight, bias = weight + opening * mark, bias + opening * (offset - 1)
                weight[-1], bias[-1] = 0, -15
            else:
                weight[-1], bias[-1] = -CLOSING * mark, CLOSING * (0.5 - offset)
            for at in [head] if is_key else range(head * group, (head + 1) * group):
                linear.weight[at * dim : (at + 1) * dim], linear.bias[at * dim : (at + 1) * dim] = weight, bias
            if not is_key:
                # The last of a group reads all alike: what the others find beyond that is what was meant.
                linear.weight[at * dim : (at + 1) * dim - 1], linear.bias[at * dim : (at + 1) * dim - 1] = 0, 1
    own.null.fill_(math.log(math.expm1(WEAK)))
    own.null[:, -1] = SILENT


def rotated(count: int) -> Tensor:
    """Directions [count, SHARED] of length sqrt(SHARED), at right angles or opposite to each other: of all that many the ones that tell most."""
    turned = torch.linalg.qr(torch.randn(SHARED, SHARED))[0] * SHARED**0.5
    return torch.cat([turned, -turned, torch.randn(count, SHARED)])[:count]


def marks(values: Tensor, code: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """A linear map that gives 1 at some rows of values and 0 at all others, by ridge regression; the more alike it is for the former, the better."""
    every = torch.cat([values, code])
    wanted = torch.cat([rows.float(), torch.zeros(len(code))])
    weight = torch.where(wanted > 0, EVEN, 1.0)
    mean, level = (weight @ every) / weight.sum(), (weight @ wanted) / weight.sum()
    centred = every - mean
    weighted = centred * weight[:, None]
    found = torch.linalg.solve(weighted.T @ centred + 0.001 * len(every) * torch.eye(every.shape[1]), weighted.T @ (wanted - level))
    return found, level - found @ mean


def along(own: InfiniLayer, kind: str, inputs: Tensor) -> Tensor:
    """Coordinates [..., AXES] of `key_inputs` or `query_inputs`."""
    return inputs.float() @ getattr(own, f"{kind}_axes").T - getattr(own, f"{kind}_offset")
