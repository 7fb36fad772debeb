"""The shared parts, on a backbone of random weights."""

import random
from pathlib import Path

import pytest
import torch
from common import corpus
from common.backbone import TINY, Backbone
from common.draw_curves import draw
from common.export import read_weights, write_weights
from common.gguf_model import half_split
from common.prompt import PREFIX, header
from common.runs import Curves, load_checkpoint, read_rows, save_checkpoint, seed_all


def test_causal_attention_sees_nothing_ahead() -> None:
    backbone = Backbone.random()
    tokens = torch.randint(TINY.vocabulary, (1, 12))
    changed = tokens.clone()
    changed[0, 8:] = (changed[0, 8:] + 1) % TINY.vocabulary
    first, second = backbone(tokens).hidden, backbone(changed).hidden
    torch.testing.assert_close(first[:, :8], second[:, :8])
    assert not torch.allclose(first[:, 8:], second[:, 8:])


def test_residuals_lead_from_layer_to_layer() -> None:
    backbone = Backbone.random()
    tokens = torch.randint(TINY.vocabulary, (2, 5))
    run = backbone(tokens, residuals_of=range(TINY.layers + 1), projections_of=[1])
    torch.testing.assert_close(run.residuals[0], backbone.embed(tokens))
    torch.testing.assert_close(backbone.final_norm(run.residuals[TINY.layers]), run.hidden)
    torch.testing.assert_close(backbone.layers[1].project(run.residuals[1])[1], run.keys[1])


def test_half_split_turns_neighbours_into_halves() -> None:
    interleaved = torch.arange(8)[:, None].float()
    assert half_split(interleaved, 2).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_a_run_resumes_where_it_was_broken_off(tmp_path: Path) -> None:
    seed_all(3)
    path = tmp_path / "run.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, step=7)
    ahead = random.random(), torch.rand(1).item()
    assert load_checkpoint(path) == {"step": 7}
    assert (random.random(), torch.rand(1).item()) == ahead


def test_curves_drop_what_a_resumed_run_writes_again(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    curves = Curves(path)
    for step in range(3):
        curves.add(step, loss=2.0 - step)
    Curves(path, resumed_at=1).add(2, loss=5.0, other=1.0)
    assert read_rows(path) == [{"step": 0, "loss": 2}, {"step": 1, "loss": 1}, {"step": 2, "loss": 5, "other": 1}]
    assert draw(read_rows(path), ["loss", "other"]).count("<polyline") == 2


def test_shipped_weights_are_within_half_a_step(tmp_path: Path) -> None:
    tensors = {"matrix": torch.randn(5, 40), "vector": torch.randn(6)}
    write_weights(tmp_path / "weights.safetensors", tensors, {"format": "1"})
    back = read_weights(tmp_path / "weights.safetensors")
    torch.testing.assert_close(back["vector"], tensors["vector"])
    step = tensors["matrix"].abs().amax(-1, keepdim=True) / 127
    assert ((back["matrix"] - tensors["matrix"]).abs() <= step / 2 + 1e-6).all()


def test_no_project_is_in_two_splits() -> None:
    names = [project.name for split in ("train", "tune", "report") for project in corpus.projects(split)]
    assert len(names) == len(set(names))
    assert {project.name for project in corpus.projects("train")}.isdisjoint(corpus.REPORT | corpus.TUNE)


@pytest.mark.parametrize(("path", "fence"), [("src/a.py", "python"), ("b.TS", "typescript"), ("c", "")])
def test_headers_are_those_of_the_engine(path: str, fence: str) -> None:
    source = (corpus.REPOSITORY / "engine/inference/prompt.ts").read_text()
    assert PREFIX.split("\n")[1].removesuffix("<|im_end|>") in source
    assert header(path) == f"File: {path}\n```{fence}\n"
