"""Files as the engine's memory reads them: in segments, each alone behind the prefix and its file's header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tokenizers import Tokenizer

from .prompt import PREFIX, header

SEGMENT_TOKENS = 512
"""Header and text of one segment together, as in the engine."""
HEADER_TOKENS = 128


@dataclass(frozen=True)
class Segment:
    """A part of one file. `tokens` are its text's; before them stand the prefix and `header`."""

    project: str
    path: str
    header: list[int]
    tokens: list[int]


class Files(Protocol):
    """A project, or a part of one."""

    name: str

    def files(self) -> Iterator[tuple[str, str]]: ...


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def prefix_tokens(tokenizer: Tokenizer) -> list[int]:
    return encode(tokenizer, PREFIX)


def segments(project: Files, tokenizer: Tokenizer) -> Iterator[Segment]:
    """A project's files in path order, each cut at line ends into as few segments as will do."""
    for path, text in project.files():
        head = encode(tokenizer, header(path))[:HEADER_TOKENS]
        for tokens in cut(text, SEGMENT_TOKENS - len(head), tokenizer):
            yield Segment(project.name, path, head, tokens)


def cut(text: str, room: int, tokenizer: Tokenizer) -> Iterator[list[int]]:
    tokens: list[int] = []
    for line in text.splitlines(keepends=True):
        added = encode(tokenizer, line)[:room]
        if len(tokens) + len(added) > room:
            yield tokens
            tokens = []
        tokens += added
    if tokens:
        yield tokens
