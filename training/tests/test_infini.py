"""Infini-attention's memory, on a backbone of random weights."""

import random
import re
from pathlib import Path

import torch
from common.backbone import TINY, Backbone, Config
from common.corpus import REPOSITORY
from infini import memory, wordings
from infini.axes import CORRELATED, PARTS, along, fit_layer, marks, part_of
from infini.export import load_exported, raise_nothing, write_model
from infini.facts import EVALUATED, make_fact, make_passkey
from infini.golden import randomise, read_segments
from infini.memory import InfiniLayer, InfiniModel, feature, write_delta, write_linear
from infini.stored import as_stored
from infini.trainer import directions_of
from torch.nn import functional


def model_of(seed: int = 1) -> InfiniModel:
    torch.manual_seed(seed)
    model = InfiniModel(Backbone.random(), [1, 3], [5, 6, 7], rank=4)
    with torch.no_grad():
        randomise(model)
    return model


def texts(seed: int = 2) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(TINY.vocabulary, (size,), generator=generator).tolist() for size in (9, 14, 5)]


def empty() -> memory.Memory:
    return torch.zeros(2, 8, 8), torch.zeros(2, 8)


def test_linear_rule_is_linear_attention_over_what_was_written() -> None:
    torch.manual_seed(0)
    keys, values, query = feature(torch.randn(2, 11, 8)), torch.randn(2, 11, 8), feature(torch.randn(2, 3, 8))
    matrix, mass = write_linear(write_linear(empty(), keys[:, :4], values[:, :4]), keys[:, 4:], values[:, 4:])
    scores = query @ keys.transpose(1, 2)
    expected = scores / scores.sum(-1, keepdim=True) @ values
    torch.testing.assert_close(query @ matrix / (query @ mass[..., None]), expected)


def test_delta_rule_writes_a_repeated_key_once() -> None:
    torch.manual_seed(0)
    key, value = feature(torch.randn(2, 1, 8)), torch.randn(2, 1, 8)
    first = write_delta(empty(), key, value)
    torch.testing.assert_close(write_delta(first, key, value)[0], first[0])
    assert not torch.allclose(write_linear(first, key, value)[0], first[0])


@torch.no_grad()
def test_an_empty_memory_is_the_backbone() -> None:
    model, question = model_of(), torch.tensor([[3, 9, 27, 81, 50]])
    plain = model.frozen(torch.tensor([[5, 6, 7, 3, 9, 27, 81, 50]])).hidden[:, 3:]
    torch.testing.assert_close(model(question, read_segments(model, [])), plain, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(model(question, read_segments(model, texts())), plain, atol=1e-2)


@torch.no_grad()
def test_segments_come_in_any_order_and_one_is_taken_out_again() -> None:
    model, (first, second, third) = model_of(), texts()
    whole, turned = read_segments(model, [first, second, third]), read_segments(model, [third, first, second])
    alone, without = read_segments(model, [second]), read_segments(model, [first, third])
    for number in model.layer_numbers:
        torch.testing.assert_close(whole[number], turned[number])
        torch.testing.assert_close(whole[number][0] - alone[number][0], without[number][0], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_shipped_file_is_the_model_up_to_rounding(tmp_path: Path) -> None:
    model, question = model_of(), torch.tensor([[3, 9, 27, 81, 50]])
    before = model(question, read_segments(model, texts()))
    write_model(tmp_path / "weights.safetensors", model, "0" * 64, {})
    load_exported(tmp_path / "weights.safetensors", model)
    after = model(question, read_segments(model, texts()))
    assert (after - before).abs().max() < 0.1 * before.abs().max()


@torch.no_grad()
def test_raising_nothing_multiplies_its_mass_and_makes_heads_quieter() -> None:
    model, question = model_of(), torch.tensor([[3, 9, 27, 81, 50]])
    plain = model(question, read_segments(model, []))
    before, masses = model(question, read_segments(model, texts())), [functional.softplus(model.at(number).null) for number in model.layer_numbers]
    raise_nothing(model, 4.0)
    for number, mass in zip(model.layer_numbers, masses, strict=True):
        torch.testing.assert_close(functional.softplus(model.at(number).null), 4 * mass)
    after = model(question, read_segments(model, texts()))
    assert 0 < (after - plain).abs().max() < (before - plain).abs().max()


def words_of(texts: list[str]) -> set[str]:
    return {word.lower() for text in texts for word in re.findall(r"[A-Za-z_]\w*", re.sub(r"{\w+}", " ", text))}


def test_each_held_out_wording_has_a_word_that_no_other_has() -> None:
    stated = [wordings.DECLARED, wordings.TYPED, wordings.BOUND, wordings.ENDED, wordings.STRUCTURED, wordings.REMARKED, wordings.SUBJECTS, wordings.VERBS, wordings.TAILS, wordings.PROSE]
    asked = [wordings.GREETED, wordings.ENDINGS, wordings.THINGS, wordings.ORDERS, wordings.ASKED, wordings.PLACES]
    for held, parts in ((wordings.HELD_STATEMENTS, stated), (wordings.HELD_QUESTIONS, asked)):
        known = words_of([text for part in [*parts, wordings.NOUNS] for text in part])
        for wording in held:
            assert words_of([wording]) - known, wording


def test_names_of_the_evaluation_are_none_of_trainings() -> None:
    source = (REPOSITORY / "test/eval/strategy-cases.ts").read_text()
    listed = source[source.index("const WORDS") : source.index(").split(", source.index("const WORDS"))]
    assert set(re.findall(r"[a-z]+", " ".join(re.findall(r'"([^"]+)"', listed)))) == EVALUATED


def test_facts_say_their_value_and_questions_do_not() -> None:
    rng = random.Random(0)
    for fact in [make_passkey(rng) for _ in range(20)] + [make_fact(rng, ["alpha", "buffer", "socket", "retry", "limit"]) for _ in range(50)]:
        question, answer = fact.ask(rng)
        assert fact.value in fact.statement and fact.value in answer and fact.value not in question


def test_no_wording_of_the_evaluation_is_made() -> None:
    """What stands before the name in its questions, and its sentence."""
    source = (REPOSITORY / "test/eval/strategy-cases.ts").read_text()
    asked = [text.split("NAME") for text in re.findall(r'"([^"]*\bNAME\b[^"]+)"', source)]
    assert len(asked) == 5
    kept = [before.strip().lower() for before, _ in asked]
    kept.append("the code for {name} is")
    rng = random.Random(0)
    for _ in range(4000):
        for made in (wordings.question(rng), wordings.statement(rng)):
            assert not any(part in made.lower() for part in kept), made


def test_statements_name_before_they_say() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        made = wordings.statement(rng)
        assert made.count("{value}") == 1 and made.index("{name}") < made.index("{value}")


def test_each_part_of_a_value_has_heads_in_many_layers() -> None:
    parts = [part_of(layer, 10, head) for layer in range(10) for head in range(3)]
    assert {part: parts.count(part) for part in range(PARTS)} == {0: 15, 1: 6, 2: 5, 3: 4}


def test_directions_raise_one_token_above_the_others() -> None:
    torch.manual_seed(0)
    embedding = torch.randn(96, 64)
    logits = directions_of(embedding, [3, 7, 20]) @ embedding[[3, 7, 20]].T
    assert (logits.argmax(1) == torch.arange(3)).all()


def test_marks_tell_places_of_one_part_from_others() -> None:
    torch.manual_seed(0)
    values, code = torch.randn(400, 149), torch.randn(400, 149)
    rows = torch.arange(400) < 200
    values[rows, 5] += 6
    weight, offset = marks(values, code, rows)
    told = values @ weight + offset
    assert told[rows].min() > told[~rows].median() and abs(told[rows].mean() - 1) < 0.3


def test_axes_find_what_statements_and_questions_share() -> None:
    torch.manual_seed(0)
    config = Config(1, 64, 4, 4, 64, 64, 96, 10_000.0, 1e-5)
    own = InfiniLayer(config, rank=4, axes=(CORRELATED + 5, CORRELATED + 5))
    shared = torch.randn(3000, 20)

    def seen(width: int) -> torch.Tensor:
        return shared @ torch.randn(20, width) + 2 * torch.randn(3000, width) @ torch.randn(width, width) / width**0.5

    keys, queries = seen(6 * config.kv_width), seen(2 * config.query_width)
    fit_layer(own, keys[:2900], queries[:2900])
    mine, other = (torch.nn.functional.normalize(along(own, *each)[2900:], dim=1) for each in (("key", keys), ("query", queries)))
    assert ((other @ mine.T).argmax(1) == torch.arange(100)).float().mean() > 0.9


def test_stored_states_are_off_by_half_a_step_at_most() -> None:
    torch.manual_seed(0)
    states = torch.randn(2, 200, 128)
    off = (as_stored(states) - states).abs()
    keys, values = states.chunk(2, -1)
    step = (keys[:, :128].amax(1) - keys[:, :128].amin(1)) / 15
    assert (off[:, :128, :64] <= step[:, None] / 2 + 1e-6).all()
    assert 0.02 < off[..., 64:].mean() < (values.amax(-1) - values.amin(-1)).max() / 30
