"""Writes test/golden/longmem: a tiny backbone, random weights of a side network, and what PyTorch gives: `python -m longmem.golden`."""

from __future__ import annotations

import json

import torch
from common.backbone import Backbone, Config
from common.corpus import REPOSITORY
from common.export import write_weights
from infini.golden import write_checkpoint

from .bank import Bank, retrieve
from .export import load_shipped, metadata_of
from .side_net import ReaderStart, SideConfig, SideNet
from .states import TAP_EVERY

FOLDER = REPOSITORY / "test/golden/longmem"
TINY = Config(6, 32, 4, 2, 16, 48, 320, 10_000.0, 1e-5)
SIDE = SideConfig(bank_layer=2, memory_layers=(1, 2), first_layer=1, rank=4, usual_bank=64)


def randomise(net: SideNet) -> None:
    """Weights of no meaning whose every part changes the logits."""
    for name, parameter in net.named_parameters():
        width = parameter.shape[-1] if parameter.dim() > 1 else 4
        torch.nn.init.normal_(parameter, 1.0 if name.endswith("norm") else 0.0, 0.6 / width**0.5)


def bank_of(net: SideNet, prefix: list[int], segments: list[list[int]]) -> Bank:
    """Of segments, each read alone behind the prefix."""
    backbone, layer = net.backbone[0], net.config.bank_layer
    parts = []
    for segment in segments:
        run = backbone(torch.tensor([prefix + segment]), projections_of=[layer])
        key, value = (rows[layer][0, :, len(prefix) :].transpose(0, 1) for rows in (run.keys, run.values))
        parts.append((key, value))
    return Bank.of(parts, backbone.config.kv_heads, backbone.config.head_dim)


def logits(net: SideNet, tokens: list[int], bank: Bank) -> torch.Tensor:
    """[tokens, vocabulary]"""
    backbone = net.backbone[0]
    layers = range(TAP_EVERY * net.config.first_layer, backbone.config.layers + 1, TAP_EVERY)
    run = backbone(torch.tensor([tokens]), residuals_of=layers)
    taps = [run.residuals[layer] for layer in layers]
    query = net.queries(run.residuals[net.config.bank_layer])
    found = retrieve([bank], query, torch.float32)
    return backbone.logits(net(taps, torch.arange(len(tokens)), query, found))[0]


@torch.no_grad()
def main() -> None:
    torch.manual_seed(5)
    backbone = Backbone.random(TINY, 5)
    net = SideNet(backbone, SIDE, ReaderStart(torch.zeros(2, 16), torch.zeros(32, 32)))
    randomise(net)
    write_checkpoint(FOLDER / "model", backbone)
    weights = FOLDER / "weights.safetensors"
    write_weights(weights, net.state_dict(), metadata_of(net, "0" * 64))
    load_shipped(net, weights)
    prefix = torch.randint(3, 300, (6,)).tolist()
    segments = [torch.randint(3, 300, (size,)).tolist() for size in (30, 17, 41, 5, 90)]
    question = torch.randint(3, 300, (21,)).tolist()
    bank = bank_of(net, prefix, segments)
    full, plain = logits(net, prefix + question, bank), logits(net, prefix + question, bank.part(0, 0))
    (FOLDER / "texts.json").write_text(json.dumps({"prefix": prefix, "segments": segments, "question": question}) + "\n")
    (FOLDER / "logits.bin").write_bytes(torch.stack([full, plain])[:, len(prefix) :].contiguous().numpy().tobytes())
    print("the bank changes logits by", (full - plain).abs().max().item(), "of", (full.max() - full.min()).item())


if __name__ == "__main__":
    main()
