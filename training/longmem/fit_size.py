"""How much more reserved should a large bank be read? `python -m longmem.fit_size MODEL.gguf` prints a row a setting, measured on the tuning
projects with banks of up to 65,536 tokens; with `--null` and `--gate` it writes that setting into the shipped file instead."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from common.backbone import Backbone
from common.corpus import projects
from common.export import write_weights
from common.gguf_model import read_backbone, read_tokenizer
from common.segments import prefix_tokens

from .bank import Bank, retrieve
from .batches import Prefix, Sampler
from .data import BANK_LAYER, collect
from .export import file_hash, metadata_of, shipped_path
from .reference import shipped_net
from .side_net import SideNet
from .states import Extent
from .train import losses_of

SETTINGS = ((0, 0), (1, 0), (2, 0), (0, 0.15), (0, 0.25), (0, 0.4), (1, 0.15), (1, 0.25))
"""What is added to the null keys' scores and taken from the gates' logits, of all heads alike, in a bank e times as large as usual."""
SIZES = (8192, 16_384, 65_536)
SHORTEST = 256
READ = Extent(11_000, 65_536)
"""Of each tuning project."""


def set_by_size(net: SideNet, null: float, gate: float) -> None:
    for layer in net.layers.values():
        if layer.memory is not None:
            torch.nn.init.constant_(layer.memory.null_by_size, null)
            torch.nn.init.constant_(layer.memory.gate_by_size, gate)


def spread(sampler: Sampler, project: int, count: int) -> list[int]:
    """`count` segments of a project that are not short."""
    states = sampler.projects[project]
    long = [i for i in states.predictable if states.spans[i].end - states.spans[i].text >= SHORTEST]
    return [long[i * len(long) // count] for i in range(count)]


@torch.no_grad()
def measure(net: SideNet, sampler: Sampler, count: int) -> list[dict[str, float]]:
    """Perplexity by bank, a row a setting: over `count` segments of each project."""
    sums: list[dict[str, float]] = [{} for _ in SETTINGS]
    tokens = 0
    for project, bank in enumerate(sampler.banks):
        other = sampler.banks[(project + 1) % len(sampler.banks)].whole
        for segment in spread(sampler, project, count):
            banks: dict[str, Bank] = {"empty": bank.whole.part(0, 0), f"other {SIZES[-1]}": other.part(0, SIZES[-1])}
            banks |= {f"own {size}": bank.before(segment, size) for size in SIZES}
            batch = sampler.batch([(project, segment, banks["empty"])])
            query = net.queries(batch.taps[net.config.bank_layer // 2 - net.config.first_layer])
            for name, each in banks.items():
                found = retrieve([each], query, net.backbone[0].embedding.weight.dtype) if len(each) > 0 else None
                for row, setting in zip(sums, SETTINGS, strict=True):
                    set_by_size(net, *setting)
                    nats = losses_of(net, batch, query, found)
                    row[name] = row.get(name, 0.0) + nats.sum().item()
            tokens += len(nats)
    return [{name: math.exp(total / tokens) for name, total in row.items()} for row in sums]


def tuning(model: Path, backbone: Backbone) -> Sampler:
    tokenizer = read_tokenizer(model)
    prefix = Prefix.read(backbone, prefix_tokens(tokenizer), BANK_LAYER)
    return Sampler(collect(projects("tune"), READ, backbone, tokenizer, BANK_LAYER, "tune"), prefix, BANK_LAYER // 2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m longmem.fit_size", description=__doc__)
    parser.add_argument("model", type=Path, help="the GGUF file of the backbone")
    parser.add_argument("--segments", type=int, default=3, help="of each project")
    parser.add_argument("--null", type=float)
    parser.add_argument("--gate", type=float)
    args = parser.parse_args()
    if (args.null is None) != (args.gate is None):
        parser.error("--null and --gate are written together")
    torch.set_num_threads(1)
    backbone = read_backbone(args.model)
    net = shipped_net(args.model, backbone)
    if args.null is not None and args.gate is not None:
        set_by_size(net, args.null, args.gate)
        write_weights(shipped_path(args.model), net.state_dict(), metadata_of(net, file_hash(args.model)))
        return
    rows = measure(net, tuning(args.model, backbone), args.segments)
    print("null", "gate", *rows[0], sep=",")
    for setting, row in zip(SETTINGS, rows, strict=True):
        print(*setting, *(f"{value:.4f}" for value in row.values()), sep=",")


if __name__ == "__main__":
    main()
