"""The bank, its search and the side network, on a backbone of random weights."""

import random
from pathlib import Path

import pytest
import torch
from common.backbone import TINY, Backbone
from common.runs import read_rows
from common.segments import Segment
from longmem.bank import CHUNK, RETRIEVED, Bank, retrieve
from longmem.batches import Prefix, ProjectBank, Sampler
from longmem.side_net import ReaderStart, SideConfig, SideNet
from longmem.states import Extent, States, write_states
from longmem.train import Plan, losses, train
from longmem.value_decoder import fit_decoder

SIDE = SideConfig(bank_layer=2, memory_layers=(1,), first_layer=1, rank=4, usual_bank=64)
SHAPE = TINY.kv_heads, TINY.head_dim


def random_bank(*sizes: int) -> Bank:
    return Bank.of([(torch.randn(size, *SHAPE), torch.randn(size, *SHAPE)) for size in sizes], *SHAPE)


def side_net(backbone: Backbone) -> SideNet:
    start = ReaderStart(torch.randn(SHAPE), torch.randn(TINY.hidden, TINY.kv_width) / 8)
    return SideNet(backbone, SIDE, start)


def test_chunks_do_not_cross_segments() -> None:
    bank = random_bank(5, 8)
    assert len(bank) == 16 and bank.valid.tolist() == [True] * 5 + [False] * 3 + [True] * 8
    torch.testing.assert_close(bank.chunk_keys()[:, 1], bank.keys[4])
    torch.testing.assert_close(bank.chunk_keys()[:, 2], bank.keys[8:12].mean(0))


def test_search_is_that_of_every_chunk() -> None:
    bank, queries = random_bank(301), torch.randn(TINY.heads, 3, TINY.head_dim)
    found, chunks = bank.search(queries), bank.chunk_keys()
    assert found.shape == (TINY.heads, 3, RETRIEVED)
    for head in range(TINY.heads):
        for row in range(3):
            scores = [(chunk @ queries[head, row]).item() for chunk in chunks[head * TINY.kv_heads // TINY.heads]]
            best = sorted(range(len(scores)), key=lambda chunk: -scores[chunk])[: RETRIEVED // CHUNK]
            assert sorted(set((found[head, row] // CHUNK).tolist())) == sorted(best)


def test_what_a_short_bank_lacks_is_not_valid() -> None:
    found = retrieve([random_bank(6), random_bank()], torch.randn(2, TINY.heads, 3, TINY.head_dim), torch.float32)
    assert found.valid[0].sum(-1).unique().tolist() == [6]
    assert not found.valid[1].any()


def test_untrained_and_without_memory_the_side_net_is_the_backbone() -> None:
    backbone = Backbone.random()
    net = side_net(backbone)
    tokens = torch.randint(TINY.vocabulary, (2, 9))
    run = backbone(tokens, residuals_of=[2, 4])
    found = retrieve([random_bank(), random_bank(90)], net.queries(run.residuals[2]), torch.float32)
    hidden = net([run.residuals[2], run.residuals[4]], torch.arange(9), net.queries(run.residuals[2]), found)
    torch.testing.assert_close(hidden[0], run.hidden[0], atol=1e-5, rtol=1e-5)
    assert (hidden[1] - run.hidden[1]).abs().max() > 1e-3


def test_a_bank_is_read_with_more_reserve_only_where_it_is_larger_than_usual() -> None:
    reader = side_net(Backbone.random()).layers["1"].memory
    torch.nn.init.constant_(reader.null_by_size, 2.0)
    torch.nn.init.constant_(reader.gate_by_size, 0.5)
    query = torch.randn(1, TINY.heads, 3, TINY.head_dim)
    found = retrieve([random_bank(90)], query, torch.float32)
    normed = torch.randn(1, 3, TINY.hidden)

    def read(usual: int) -> torch.Tensor:
        reader.usual_bank = usual
        return reader.read(normed, query, found)

    torch.testing.assert_close(read(90), read(4096))
    reader.usual_bank = 45
    gates = found.valid.any(-1, keepdim=True) * (reader.gate - 0.5 * torch.tensor(2.0).log()).sigmoid()[:, None, None]
    torch.testing.assert_close(reader.gates(found), gates)
    torch.nn.init.zeros_(reader.gate_by_size)
    closer = read(45).abs() / read(90).abs()
    assert (closer < 1).all() and (closer > 0).all()


def test_what_is_in_the_bank_alone_is_not_predicted(tmp_path: Path) -> None:
    backbone, prefix = Backbone.random(), [1, 2, 3]
    lines = [torch.randint(4, TINY.vocabulary, (60,)).tolist() for _ in range(6)]

    def states(name: str, extent: Extent) -> States:
        texts = (Segment("one", "a.py", [5, 6], line) for line in lines)
        write_states(tmp_path / name, texts, extent, backbone, prefix, SIDE.bank_layer)
        return States(tmp_path / name)

    whole, part = states("whole", Extent(360)), states("part", Extent(120, 1000))
    assert list(whole.predictable) == list(range(6)) and list(part.predictable) == [4, 5]
    torch.testing.assert_close(part.keys, whole.keys, atol=2e-3, rtol=1e-3)
    span = part.spans[5]
    assert span == whole.spans[5]
    torch.testing.assert_close(part.residuals(1, span.start, span.end), whole.residuals(1, span.start, span.end))


def test_gradients_reach_every_weight_but_not_the_backbone() -> None:
    backbone = Backbone.random()
    net = side_net(backbone)
    # Scales of 0 let nothing through behind them, at the first step.
    torch.nn.init.ones_(net.layers["1"].attention_scale)
    torch.nn.init.ones_(net.layers["1"].feed_forward_scale)
    for name, parameter in net.named_parameters():
        if name.endswith("up"):
            torch.nn.init.normal_(parameter)
    run = backbone(torch.randint(TINY.vocabulary, (1, 9)), residuals_of=[2, 4])
    query = net.queries(run.residuals[2])
    net([run.residuals[2], run.residuals[4]], torch.arange(9), query, retrieve([random_bank(90)], query, torch.float32)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in backbone.parameters())


@pytest.fixture
def states(tmp_path: Path) -> tuple[Backbone, Prefix, list[States]]:
    """Two projects, each of which says the same few lines again and again."""
    backbone = Backbone.random()
    prefix = [1, 2, 3]
    found = []
    for name in ("one", "two"):
        lines = [torch.randint(4, TINY.vocabulary, (60,)).tolist() for _ in range(2)]
        texts = (Segment(name, "a.py", [5, 6], lines[i % 2]) for i in range(6))
        write_states(tmp_path / name, texts, Extent(300), backbone, prefix, SIDE.bank_layer)
        found.append(States(tmp_path / name))
    return backbone, Prefix.read(backbone, prefix, SIDE.bank_layer), found


def test_a_bank_holds_what_came_before_and_no_header(states: tuple[Backbone, Prefix, list[States]]) -> None:
    _, _, (first, _) = states
    bank = ProjectBank(first)
    assert len(bank.before(0, 1000)) == 0 and len(bank.before(2, 1000)) == 120
    span = first.spans[1]
    torch.testing.assert_close(bank.before(2, 60).keys, first.keys[span.text : span.end].float())


def test_training_learns_to_read_and_resumes_bit_by_bit(tmp_path: Path, states: tuple[Backbone, Prefix, list[States]]) -> None:
    backbone, prefix, projects = states
    sampler = Sampler(projects, prefix, SIDE.first_layer)
    vocabulary = torch.arange(TINY.vocabulary)

    def run(folder: Path, *stops: int) -> SideNet:
        for stop in stops:
            torch.manual_seed(0)
            net = SideNet(backbone, SIDE, ReaderStart(prefix.sink_key, fit_decoder(projects, backbone)))
            plan = Plan(6, batch=2, rate=1e-2, warm_up=2, tune_every=100, save_every=3)
            train(net, sampler, sampler, plan, folder, folder / "curves.csv", vocabulary, stop=stop)
        return net

    whole, resumed = run(tmp_path / "whole", 6), run(tmp_path / "resumed", 3, 6)
    for (name, one), two in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(one, two, msg=name)
    assert [row["step"] for row in read_rows(tmp_path / "resumed/curves.csv")] == list(range(7))
    batch = sampler.draw(random.Random(1), 2)
    untrained = SideNet(backbone, SIDE, ReaderStart(prefix.sink_key, fit_decoder(projects, backbone)))
    assert losses(whole, batch).mean() < losses(untrained, batch).mean()
