"""The axes along which maps see their inputs: where statements and questions correlate, and what tells places of values from all others.

States of the first layers are almost their tokens' identity, so the trail at a value holds its name's fingerprint, and so does the trail
behind a question. Canonical correlation (Hotelling 1936) over made pairs finds the directions in which the two agree, whatever the name and
the wording; maps that are learnt along these only cannot learn names by heart.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bank import Asked, Code, Places
from .memory import InfiniLayer, InfiniModel

CORRELATED, TOLD = 144, 5
"""Axes of correlation; axes of what is told apart by ridge regression."""
AXES = CORRELATED + TOLD
SHRINKAGE = 0.3
"""Of whitening, in deviations."""
SHARPNESS, THRESHOLD, OPENING = 0.5, -6.0, 8.0
"""Of maps before training: deviation of a weight along an axis, bias, and what being a value's place adds to a key's."""
SILENT, WEAK = 20.0, 0.15
"""Mass of nothing in the feature that no key has, and that queries have where no value is looked for; and in the others."""


@torch.no_grad()
def fit_axes(model: InfiniModel, written: Places, asked: Asked, code: Code) -> dict[str, Tensor]:
    """Sets each layer's axes."""
    at_key, at_query = pairs(written, asked)
    for i, number in enumerate(model.layer_numbers):
        own = model.at(number)
        fit_layer(own, written.inputs[at_key, i].float(), asked.inputs[at_query, i].float())
        tell(own, "key", i, written, code.entries)
        tell(own, "query", i, asked, code.asked)
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


def tell(own: InfiniLayer, kind: str, layer: int, places: Places, code: Places) -> None:
    """The last axes: how much a place is one of a value at all, of its first token, of a later one, of its end; and whether a digit comes next."""
    rows = torch.cat([places.inputs[:, layer], code.inputs[:, layer]]).float()
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


@torch.no_grad()
def begin(own: InfiniLayer) -> None:
    """Random directions, the same for keys and queries: features agree where canonical coordinates do (Rahimi and Recht 2007). Of each head
    one is kept for where no value is looked for: what a query reads is relative, so that it cannot be silent by being small."""
    directions = torch.randn(own.config.kv_heads, own.config.head_dim, CORRELATED) * SHARPNESS
    directions[:, -1] = 0
    group = own.config.heads // own.config.kv_heads
    for linear, weight in ((own.key, directions), (own.query, directions.repeat_interleave(group, 0))):
        linear.weight.zero_()
        linear.weight[:, :CORRELATED] = weight.flatten(0, 1)
        linear.bias.fill_(THRESHOLD)
    own.key.weight[:, CORRELATED] = OPENING
    own.key.bias -= OPENING
    for linear, opening, bias in ((own.key, 0.0, -15.0), (own.query, -8.0, 3.0)):
        linear.weight.unflatten(0, (-1, own.config.head_dim))[:, -1, CORRELATED] = opening
        linear.bias.unflatten(0, (-1, own.config.head_dim))[:, -1] = bias
    own.null.fill_(math.log(math.expm1(WEAK)))
    own.null[:, -1] = SILENT


def along(own: InfiniLayer, kind: str, inputs: Tensor) -> Tensor:
    """Coordinates [..., AXES] of `key_inputs` or `query_inputs`."""
    return inputs.float() @ getattr(own, f"{kind}_axes").T - getattr(own, f"{kind}_offset")
