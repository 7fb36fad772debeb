"""Writes test/golden/strategies/infini.*: what PyTorch makes of the shipped weights, in full precision: `python -m infini.reference MODEL.gguf`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open

from common.corpus import REPOSITORY, projects
from common.gguf_model import read_backbone, read_tokenizer
from common.segments import encode, prefix_tokens, segments

from .export import file_hash, load_exported
from .golden import read_segments
from .memory import InfiniModel

SEGMENTS = 4
ROWS = 2
"""Last tokens of the question whose logits are kept: 49,152 numbers each."""
QUESTION = "Question: What is the value of MAX_CONTENT_LENGTH?<|im_end|>\n<|im_start|>assistant\nThe value of MAX_CONTENT_LENGTH is"


@torch.no_grad()
def main() -> None:
    path = Path(sys.argv[1])
    tokenizer = read_tokenizer(path)
    weights = REPOSITORY / f"engine/strategies/{file_hash(path)[:16]}.infini.safetensors"
    with safe_open(weights, "pt") as file:
        layers = json.loads(file.metadata()["config"])["layers"]
    prefix = prefix_tokens(tokenizer)
    model = InfiniModel(read_backbone(path, torch.float32), layers, prefix)
    load_exported(weights, model)
    found = [segment for project in projects("report")[:1] for segment in segments(project, tokenizer)]
    texts = [segment.header + segment.tokens for segment in found if len(segment.tokens) > 300][:SEGMENTS]
    question = encode(tokenizer, QUESTION)
    hidden = model(torch.tensor([question]), read_segments(model, texts))[0, -ROWS:]
    folder = REPOSITORY / "test/golden/strategies"
    folder.mkdir(parents=True, exist_ok=True)
    told = {"weights": file_hash(weights), "prefix": prefix, "segments": texts, "question": question, "rows": ROWS}
    (folder / "infini.json").write_text(json.dumps(told) + "\n")
    (folder / "infini.logits.bin").write_bytes(model.frozen.logits(hidden).numpy().tobytes())


if __name__ == "__main__":
    main()
