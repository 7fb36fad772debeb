"""`python -m infini --model MODEL.gguf`: banks, training and the file that is shipped. Started again, it goes on where it was."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from common.corpus import REPOSITORY
from common.gguf_model import read_backbone, read_tokenizer
from common.runs import CACHE, Curves, load_checkpoint, save_checkpoint, seed_all
from common.segments import prefix_tokens

from . import bank
from .export import file_hash, sharpen, write_model
from .memory import InfiniModel
from .trainer import Banks, Run, Trainer, exact

FOLDER = Path(__file__).parent
LAYERS = list(range(10, 26))


def kept(name: str, make: Callable[[], Any]) -> Any:
    """What an earlier start has made, or makes it."""
    path = CACHE / "infini" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(make(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return torch.load(path, weights_only=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infini", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of the llama architecture")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; all by default")
    parser.add_argument("--minutes", type=float, default=60, help="of training, besides the banks' making")
    parser.add_argument("--facts", type=int, default=3200)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    seed_all(0)
    tokenizer = read_tokenizer(options.model)
    model = InfiniModel(read_backbone(options.model), LAYERS, prefix_tokens(tokenizer))
    rng = random.Random(1)
    filler = kept("filler.pt", lambda: bank.build_filler(model, tokenizer, 150, rng))
    facts = kept("facts.pt", lambda: bank.build_facts(model, tokenizer, options.facts, rng))
    model.infini.load_state_dict(kept("start.pt", lambda: bank.fit_standards(model, filler)))
    values = kept("questions.pt", lambda: bank.build_questions(model, tokenizer, facts, options.facts // 2, rng))
    words = kept("words.pt", lambda: bank.build_questions(model, tokenizer, facts, options.facts // 8, rng, words=True))
    held_out = kept("held-out.pt", lambda: bank.build_facts(model, tokenizer, 96, random.Random(9), "held-out"))
    run = Run(Trainer(model, Banks(facts, filler, values, words)), tokenizer)
    train(run, held_out, tokenizer, options.minutes * 60)
    sharpen(model)
    digest = file_hash(options.model)
    write_model(REPOSITORY / f"engine/strategies/{digest[:16]}.infini.safetensors", model, digest, {"steps": run.progress.step})


def train(run: Run, held_out: bank.FactBank, tokenizer: Tokenizer, seconds: float) -> None:
    path = CACHE / "infini" / "run.pt"
    if (state := load_checkpoint(path)) is not None:
        run.trainer.model.infini.load_state_dict(state["model"])
        run.load(state["run"])
    curves = Curves(FOLDER / "curves.csv", run.progress.step)
    now = run.progress
    while now.seconds < seconds:
        run.step(seconds)
        is_last = now.seconds >= seconds
        if now.step % 20 and not is_last:
            continue
        figures = {name: getattr(now, name) for name in ("answers", "right", "share", "code", "facts", "filler", "seconds")}
        if now.step % 100 == 0 or is_last:
            figures |= held_out_figures(run.trainer, tokenizer, held_out)
            save_checkpoint(path, model=run.trainer.model.infini.state_dict(), run=run.state())
        report(curves, now.step, figures)
    command = [sys.executable, "-m", "common.draw_curves", str(curves.path), "right", *CASES]
    subprocess.run(command, cwd=FOLDER.parent, check=True)


CASES = {"held_out_2": (2, 2.0, False), "held_out_8": (8, 10.0, False), "held_out_32": (32, 10.0, False)}
CASES |= {"passkey_5k": (1, 10.0, True), "passkey_1m": (1, 2000.0, True)}
"""Facts in a memory, segments of code in it, and whether they are passkeys."""


def held_out_figures(trainer: Trainer, tokenizer: Tokenizer, facts: bank.FactBank) -> dict[str, float]:
    """Shares of values that are written whole; names and questions are not training's."""
    return {name: exact(trainer, tokenizer, facts, *case, asked=10 if case[2] else 32) for name, case in CASES.items()}


def report(curves: Curves, step: int, figures: dict[str, float]) -> None:
    curves.add(step, **figures)
    print(time.strftime("%H:%M:%S"), step, *(f"{name}={value:.3g}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
