"""`python -m infini --model MODEL.gguf`: banks, training and the file that is shipped. Started again, it goes on where it was."""

from __future__ import annotations

import argparse
import hashlib
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
from common.prompt import header
from common.runs import CACHE, Curves, load_checkpoint, save_checkpoint, seed_all
from common.segments import encode, prefix_tokens

from . import bank, ordinary_questions
from .axes import AXES, fit_axes
from .code_bank import Read, read_code
from .coordinates import Coordinates, Ordinary, coordinates, ordinary
from .export import file_hash, raise_nothing, write_model
from .facts import GRASS, vocabulary
from .memory import InfiniModel
from .run import Run
from .stored import as_stored
from .trainer import Trainer
from .trial import Trial

FOLDER = Path(__file__).parent
LAYERS = list(range(1, 11))
"""Those that tell names apart (`layers.py`, and the table in docs/strategies.md)."""
FITTED, CHUNK = 2200, 500
"""Facts that axes are fitted on, and of one file of a bank; training sees others."""
BANK_MAKERS = ["axes", "bank", "code_bank", "coordinates", "facts", "memory", "ordinary_questions", "stored", "wordings"]
WORDS = 700
"""Questions that ask for no value, at whose answers memories are kept quiet."""
LOUDER = 4.0
"""What nothing weighs in the shipped file for what it weighed in training: of 1 and 4, chosen on projects that nothing is reported on (model card)."""


def sources(names: list[str], size: int) -> str:
    """Tells what modules of these names make at a size from what others do, so that no start goes on with what other code began."""
    paths = sorted(path for name in names for path in FOLDER.glob(f"{name}.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths) + str(size).encode()).hexdigest()[:8]


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What an earlier start has made, or makes it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(make(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return torch.load(path, weights_only=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infini", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file of the llama architecture")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; all by default")
    parser.add_argument("--minutes", type=float, default=12, help="of training, besides the banks' making")
    parser.add_argument("--tried", type=int, default=2000, help="steps between two trials, which take a minute or two each; 0 for none")
    parser.add_argument("--facts", type=int, default=5000, help=f"rounded up to whole {CHUNK}s")
    parser.add_argument("--runs", type=int, default=170, help="of code: four segments each")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    seed_all(0)
    tokenizer, backbone = read_tokenizer(options.model), read_backbone(options.model)
    model = InfiniModel(backbone, LAYERS, prefix_tokens(tokenizer), axes=(AXES, AXES))
    digest = file_hash(options.model)
    banks = CACHE / f"infini-{digest[:16]}-{sources(BANK_MAKERS, options.runs)}"
    trainer = Trainer(model, *coordinates_of(model, tokenizer, options.facts, options.runs, banks), WORDS * (ordinary_questions.LATER + 1))
    trainer.begin_addresses()
    trainer.begin(encode(tokenizer, "0123456789<|im_end|>"))
    run = Run(trainer)
    train(run, Trial(model, tokenizer), options.minutes * 60, options.tried, banks / f"run-{sources(['*'], options.facts)}.pt")
    raise_nothing(model, LOUDER)
    write_model(REPOSITORY / f"engine/strategies/{digest[:16]}.infini.safetensors", model, digest, {"steps": run.progress.step})


def coordinates_of(model: InfiniModel, tokenizer: Tokenizer, facts: int, runs: int, banks: Path) -> tuple[Coordinates, Ordinary]:
    """All that training reads; sets the model's axes."""
    model.infini.load_state_dict(kept(banks / "standards.pt", lambda: bank.fit_standards(model, tokenizer, random.Random(1))))
    words, rng = vocabulary("train", tokenizer), random.Random(2)
    fitted = bank.make_facts(FITTED, words, rng)
    code: list[Read] = kept(banks / "code.pt", lambda: read_code(model, tokenizer, "train", runs))

    def axes() -> dict[str, torch.Tensor]:
        written, asked = bank.written(model, tokenizer, fitted, rng), bank.asked(model, tokenizer, fitted, rng, want_last=False)
        return fit_axes(model, written, asked, torch.cat([each.keys[:32] for each in code[:160]]), torch.cat([each.queries for each in code[:160]]))

    model.infini.load_state_dict(kept(banks / "axes.pt", axes))
    parts = []
    for at in range(0, facts, CHUNK):
        own = random.Random(100 + at // CHUNK)
        made = bank.make_facts(CHUNK, words, own)
        name = f"facts-{at // CHUNK:02}.pt"
        parts.append(kept(banks / name, lambda: coordinates(model, made, bank.written(model, tokenizer, made, own), bank.asked(model, tokenizer, made, own))))  # noqa: B023
        print(name, flush=True)
    asked = [ordinary_questions.asked_in_words(tokenizer, words, rng) for _ in range(WORDS)]
    quiet = kept(banks / "words.pt", lambda: ordinary_questions.places_of(model, asked))
    return Coordinates.joined(parts), kept(banks / "ordinary.pt", lambda: ordinary(model, code, grass(model, tokenizer), quiet))


def grass(model: InfiniModel, tokenizer: Tokenizer) -> list[torch.Tensor]:
    """Inputs of keys [places, layers, inputs] in texts of grass."""
    texts = [encode(tokenizer, header("text-00.txt") + GRASS * size)[:512] for size in (8, 20, 26)]
    states = [as_stored(bank.run(model, torch.tensor([ids]), want_last=False)[0][0]) for ids in texts]
    return [bank.key_inputs(model, each).transpose(0, 1).bfloat16() for each in states]


def train(run: Run, trial: Trial, seconds: float, tried: int, path: Path) -> None:
    """Goes on from the checkpoint at `path`, if there is one."""
    if (state := load_checkpoint(path)) is not None:
        run.trainer.model.infini.load_state_dict(state["model"])
        run.load(state["run"])
    curves = Curves(FOLDER / "curves.csv", run.progress.step)
    now = run.progress
    if tried and now.step == 0:
        report(curves, 0, trial.figures())
    while now.seconds < seconds:
        run.step(seconds)
        is_last = now.seconds >= seconds
        if now.step % 20 and not is_last:
            continue
        figures = {name: getattr(now, name) for name in ("missed", "answers", "silence", "right", "words", "first", "later", "quiet", "added", "facts", "filler", "seconds")}
        save_checkpoint(path, model=run.trainer.model.infini.state_dict(), run=run.state())
        if tried and (now.step % tried == 0 or is_last):
            figures |= trial.figures()
        report(curves, now.step, figures)
    command = [sys.executable, "-m", "common.draw_curves", str(curves.path), "right", *Trial.CASES]
    subprocess.run(command, cwd=FOLDER.parent, check=True)


def report(curves: Curves, step: int, figures: dict[str, float]) -> None:
    curves.add(step, **figures)
    print(time.strftime("%H:%M:%S"), step, *(f"{name}={value:.3g}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
