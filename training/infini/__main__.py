"""`python -m infini --model MODEL.gguf`: banks, both stages and the file that is shipped. Started again, it goes on where it was."""

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

from common.corpus import REPOSITORY
from common.gguf_model import read_backbone, read_tokenizer
from common.runs import CACHE, Curves, load_checkpoint, save_checkpoint, seed_all
from common.segments import prefix_tokens

from . import bank
from .addresses import AddressTrainer, train_addresses
from .export import file_hash, write_model
from .memory import InfiniModel
from .reading import ReadingRun, ReadingTrainer

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
    parser.add_argument("--address-minutes", type=float, default=14)
    parser.add_argument("--reading-minutes", type=float, default=50)
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
    bank.fit_standards(model, filler)
    questions = kept("questions.pt", lambda: bank.build_questions(model, tokenizer, facts, options.facts // 2, rng))
    held_out = kept("held-out.pt", lambda: bank.build_facts(model, tokenizer, 96, random.Random(9), "held-out"))
    trainer = AddressTrainer(model, facts, filler, questions)
    learn_addresses(trainer, options.address_minutes * 60)
    run = ReadingRun(ReadingTrainer(trainer, tokenizer))
    learn_reading(run, held_out, options.reading_minutes * 60)
    digest = file_hash(options.model)
    write_model(REPOSITORY / f"engine/strategies/{digest[:16]}.infini.safetensors", model, digest, {"steps": run.progress.step})


def learn_addresses(trainer: AddressTrainer, seconds: float) -> None:
    path = CACHE / "infini" / "addresses.pt"
    if (state := load_checkpoint(path)) is not None:
        trainer.model.infini.load_state_dict(state["model"])
        return
    curves = Curves(FOLDER / "curves-addresses.csv")
    train_addresses(trainer, seconds, lambda step, **figures: report(curves, step, figures))
    save_checkpoint(path, model=trainer.model.infini.state_dict())
    draw(curves, "right", "share", "best")


def learn_reading(run: ReadingRun, held_out: bank.FactBank, seconds: float) -> None:
    path = CACHE / "infini" / "reading.pt"
    if (state := load_checkpoint(path)) is not None:
        run.reading.model.infini.load_state_dict(state["model"])
        run.load(state["run"])
    curves = Curves(FOLDER / "curves-reading.csv", run.progress.step)
    now = run.progress
    while now.seconds < seconds:
        run.step(seconds)
        if now.step % 10:
            continue
        figures = {name: getattr(now, name) for name in ("loss", "right", "code", "facts", "filler", "seconds")}
        if now.step % 50 == 0 or now.seconds >= seconds:
            figures |= run.held_out(held_out)
            save_checkpoint(path, model=run.reading.model.infini.state_dict(), run=run.state())
            draw(curves, "held_out_2", "held_out_8", "passkey_5k", "passkey_1m", "right")
        report(curves, now.step, figures)
    draw(curves, "held_out_2", "held_out_8", "passkey_5k", "passkey_1m", "right")


def report(curves: Curves, step: int, figures: dict[str, float]) -> None:
    curves.add(step, **figures)
    print(time.strftime("%H:%M:%S"), step, *(f"{name}={value:.3g}" for name, value in figures.items()), flush=True)


def draw(curves: Curves, *names: str) -> None:
    subprocess.run([sys.executable, "-m", "common.draw_curves", str(curves.path), *names], cwd=FOLDER.parent, check=False)


if __name__ == "__main__":
    main()
