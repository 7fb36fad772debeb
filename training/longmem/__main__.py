"""Trains LongMem's side network for one model and writes the file that the engine ships. Started again, it resumes."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from common.corpus import projects
from common.gguf_model import read_backbone, read_tokenizer
from common.runs import CACHE, device, seed_all
from common.segments import prefix_tokens

from .batches import Prefix, Sampler
from .data import BANK_LAYER, collect, training_order
from .export import export
from .questions import Questioner
from .side_net import ReaderStart, SideConfig, SideNet
from .states import Extent
from .train import Plan, train
from .value_decoder import fit_decoder

HERE = Path(__file__).parent
TUNE_TOKENS = 11_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m longmem", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file of the backbone")
    parser.add_argument("--projects", type=int, default=16, help="how many projects are trained on")
    parser.add_argument("--tokens", type=int, default=12_000, help="tokens of each of them")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=4, help="segments a step")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--run", default="run", help="name of the run: its checkpoints and curves")
    parser.add_argument("--export-only", action="store_true", help="write the file from the last checkpoint")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    seed_all(0)
    backbone = read_backbone(args.model, device=device())
    tokenizer = read_tokenizer(args.model)
    prefix = Prefix.read(backbone, prefix_tokens(tokenizer), BANK_LAYER)
    cached = backbone, tokenizer, BANK_LAYER
    tune = collect(projects("tune"), Extent(TUNE_TOKENS), *cached, "tune")
    held_in = collect(training_order(0)[: args.projects], Extent(args.tokens), *cached, "train")
    last = backbone.config.layers // 2 - 1
    config = SideConfig(BANK_LAYER, (BANK_LAYER // 2, last), BANK_LAYER // 2)
    net = SideNet(backbone, config, ReaderStart(prefix.sink_key, fit_decoder(held_in, backbone))).to(device())
    folder = CACHE / "longmem" / args.run
    if not args.export_only:
        vocabulary = torch.cat([states.tokens for states in held_in]).unique()
        samplers = [Sampler(states, prefix, config.first_layer) for states in (held_in, tune)]
        plan = Plan(args.steps, args.batch)
        questioner = Questioner(samplers[0], backbone, tokenizer)
        train(net, *samplers, plan, folder, HERE / "curves" / f"{args.run}.csv", vocabulary, questioner)
    export(net, folder / "run.pt", args.model)


if __name__ == "__main__":
    main()
