"""What the frozen backbone computes for a project's text, kept on disk: a step of training then pays for the side network only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from common.backbone import Backbone
from common.segments import Segment
from torch import Tensor

TAP_EVERY = 2
"""A side layer stands for so many layers of the backbone."""
SHORTEST = 48
"""Tokens of a segment; what is shorter says little."""


@dataclass(frozen=True)
class Span:
    """Rows of one segment: header in [start, text), text in [text, end)."""

    start: int
    text: int
    end: int
    path: str


class States:
    """The rows of one project's segments, in order. Taps are bfloat16 [taps, rows, hidden]: residuals into layers 0, 2, 4, …

    The first segments may be in the bank alone: they have no taps, and cannot be predicted.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.spans = [Span(**span) for span in json.loads((folder / "spans.json").read_text())]
        self.tokens = torch.from_numpy(np.load(folder / "tokens.npy")).long()
        self.taps = np.load(folder / "taps.npy", mmap_mode="r")
        self.keys = torch.from_numpy(np.load(folder / "keys.npy"))  # float16 [rows, kvHeads, headDim], before rope
        self.values = torch.from_numpy(np.load(folder / "values.npy"))
        self.untapped = len(self.tokens) - self.taps.shape[1]

    @property
    def predictable(self) -> range:
        """Segments that have taps."""
        return range(sum(span.start < self.untapped for span in self.spans), len(self.spans))

    def residuals(self, tap: int, start: int, end: int) -> Tensor:
        """Float32 [end - start, hidden]: what goes into layer 2 * `tap`."""
        return torch.from_numpy(np.array(self.taps[tap, start - self.untapped : end - self.untapped])).view(torch.bfloat16).float()

    def bank_rows(self, before: int) -> Tensor:
        """Rows of the texts (headers left out) of all segments before segment `before`."""
        return torch.cat([torch.arange(0), *(torch.arange(span.text, span.end) for span in self.spans[:before])])


def taps(layers: int) -> range:
    return range(0, layers + 1, TAP_EVERY)


@dataclass(frozen=True)
class Extent:
    """How much of a project is read, in tokens of its texts."""

    predicted: int
    """The last that are read: all of their states are kept."""
    before: int = 0
    """Those before, where the project has them: of these only the bank's layer is kept."""


@torch.no_grad()
def write_states(folder: Path, segments: Iterator[Segment], extent: Extent, backbone: Backbone, prefix: list[int], bank_layer: int) -> None:
    """Reads segments, each alone behind the prefix, as far as `extent` says; nothing where that was done before."""
    if (folder / "spans.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    before, chosen = split(segments, extent)
    rows = sum(len(s.header) + len(s.tokens) for s in chosen)
    config = backbone.config
    places = taps(config.layers)
    stored = np.lib.format.open_memmap(folder / "taps.npy", "w+", np.int16, (len(places), rows, config.hidden))
    keys, values, ids, spans = [], [], [], []
    device = backbone.embedding.weight.device

    def keep(segment: Segment, key: Tensor, value: Tensor) -> None:
        """Of one layer, [1, kvHeads, T, headDim] with the prefix."""
        start = len(ids)
        for list_, projected in ((keys, key), (values, value)):
            list_.append(projected[0, :, len(prefix) :].transpose(0, 1).half().cpu())
        ids.extend(segment.header + segment.tokens)
        spans.append(Span(start, start + len(segment.header), len(ids), segment.path))

    for segment in before:
        own = torch.tensor([prefix + segment.header + segment.tokens], device=device)
        keep(segment, *keys_and_values(backbone, own, bank_layer))
    at = 0
    for segment in chosen:
        own = segment.header + segment.tokens
        run = backbone(torch.tensor([prefix + own], device=device), residuals_of=places, projections_of=[bank_layer])
        for tap, layer in enumerate(places):
            residual = run.residuals[layer][0, len(prefix) :].to(torch.bfloat16)
            stored[tap, at : at + len(own)] = residual.view(torch.int16).cpu().numpy()
        keep(segment, run.keys[bank_layer], run.values[bank_layer])
        at += len(own)
    stored.flush()
    np.save(folder / "tokens.npy", np.array(ids, np.int32))
    np.save(folder / "keys.npy", torch.cat(keys).numpy())
    np.save(folder / "values.npy", torch.cat(values).numpy())
    # Last, as it says that all is there.
    (folder / "spans.json").write_text(json.dumps([asdict(span) for span in spans]))


def keys_and_values(backbone: Backbone, tokens: Tensor, layer: int) -> tuple[Tensor, Tensor]:
    """Of one layer, [B, kvHeads, T, headDim] each; layers above it are not run."""
    residual, positions = backbone.embed(tokens), torch.arange(tokens.shape[1], device=tokens.device)
    for below in list(backbone.layers)[:layer]:
        query, key, value = below.project(residual)
        residual = below.after_attention(residual, below.attend(query, key, value, positions))
    _, key, value = backbone.layers[layer].project(residual)
    return key, value


def split(segments: Iterator[Segment], extent: Extent) -> tuple[list[Segment], list[Segment]]:
    """Segments that are in the bank alone, and those that are predicted."""
    chosen = list(enough(segments, extent.before + extent.predicted))
    room = sum(len(segment.tokens) for segment in chosen) - extent.predicted
    first = 0
    while extent.before > 0 and room > 0:
        room -= len(chosen[first].tokens)
        first += 1
    return chosen[:first], chosen[first:]


def enough(segments: Iterator[Segment], tokens: int) -> Iterator[Segment]:
    """Segments of at least `SHORTEST` tokens, until they hold `tokens` tokens."""
    for segment in segments:
        if len(segment.tokens) < SHORTEST:
            continue
        if tokens <= 0:
            return
        tokens -= len(segment.tokens)
        yield segment
