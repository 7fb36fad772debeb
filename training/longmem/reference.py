"""Writes test/golden/strategies/longmem.*: what PyTorch makes of the shipped weights, in full precision: `python -m longmem.reference MODEL.gguf`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from common.backbone import Backbone
from common.corpus import REPOSITORY, projects
from common.gguf_model import read_backbone, read_tokenizer
from common.segments import encode, prefix_tokens, segments

from .export import file_hash, load_shipped, read_config, shipped_path
from .golden import bank_of, logits
from .side_net import ReaderStart, SideNet

SEGMENTS = 12
"""More than a bank usually has: what the size changes takes part."""
ROWS = 2
"""Last tokens of the question whose logits are kept: 49,152 numbers each."""
QUESTION = "Question: How is a command line option declared?<|im_end|>\n<|im_start|>assistant\n```python\n@click.option("


def shipped_net(model: Path, backbone: Backbone) -> SideNet:
    """The side network as the engine has it."""
    weights = shipped_path(model)
    width = backbone.config
    start = ReaderStart(torch.zeros(width.kv_heads, width.head_dim), torch.zeros(width.hidden, width.kv_width))
    net = SideNet(backbone, read_config(weights), start)
    load_shipped(net, weights)
    return net.requires_grad_(False)


@torch.no_grad()
def main() -> None:
    path = Path(sys.argv[1])
    tokenizer = read_tokenizer(path)
    net = shipped_net(path, read_backbone(path, torch.float32))
    prefix = prefix_tokens(tokenizer)
    found = segments(projects("report")[0], tokenizer)
    texts = [segment.header + segment.tokens for segment, _ in zip(found, range(SEGMENTS), strict=False)]
    question = encode(tokenizer, QUESTION)
    bank = bank_of(net, prefix, texts)
    full = logits(net, prefix + question, bank)[-ROWS:]
    plain = logits(net, prefix + question, bank.part(0, 0))[-ROWS:]
    folder = REPOSITORY / "test/golden/strategies"
    folder.mkdir(parents=True, exist_ok=True)
    told = {"weights": file_hash(shipped_path(path)), "prefix": prefix, "segments": texts, "question": question, "rows": ROWS}
    (folder / "longmem.json").write_text(json.dumps(told) + "\n")
    (folder / "longmem.logits.bin").write_bytes(full.contiguous().numpy().tobytes())
    print("the bank changes logits by", (full - plain).abs().max().item(), "of", (full.max() - full.min()).item())


if __name__ == "__main__":
    main()
