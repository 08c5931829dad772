"""Dropping one term at a time, and the generator's rerank, with scorers whose answers are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from explorer.clip.bits import END, frequencies, prompt_bits
from explorer.clip.rerank_prompts import closeness_gains, rerank, without_terms
from explorer.clip.term_gains import gains_under, parts_of, without_each
from explorer.closeness import ledger
from explorer.records import PromptCandidate, TermGain


def candidate(rank: int, text: str, *, source: str = "interrogation",
              similarity: float = 0.5) -> PromptCandidate:
    return PromptCandidate("s1", rank, text, source, "best", similarity, 3, 30.0)


def test_each_term_is_left_out_once() -> None:
    assert without_each("a, b, c") == [("a", "b, c"), ("b", "a, c"), ("c", "a, b")]
    assert without_each("my house, old, red, b", opening="my house, old") == [
        ("my house, old", "red, b"), ("red", "my house, old, b"), ("b", "my house, old, red")]
    assert without_each("one") == [("one", "")] and without_each("") == []
    assert without_each("one, two", opening="one, two") == [("one, two", "")]
    assert without_each("housekeeping, b", opening="house") == [("housekeeping", "b"), ("b", "housekeeping")]
    assert parts_of("a, , b, ") == ("a", "b")


def test_gains_under_any_score() -> None:
    worth = {"red": 3.0, "blue": -1.0, "boat": 0.5}
    calls: list[Sequence[str]] = []

    def score(texts: Sequence[str]) -> list[float]:
        calls.append(texts)
        return [sum(worth[p] for p in parts_of(t)) for t in texts]

    made = gains_under(score, lambda t: t.split(), "red, blue, boat")
    assert {g.term: g.gain for g in made} == pytest.approx(worth) and len(calls) == 1
    assert gains_under(score, lambda t: t.split(), "") == ()


def test_closeness_without_each_term_is_taken_from_the_prompts_own() -> None:
    terms = (TermGain("a red boat, old", 0.1, 4), TermGain("sea", 0.05, 1))
    whole = dataclasses.replace(candidate(1, "a red boat, old, sea"), terms=terms, replay_score=-0.4)
    assert without_terms(whole) == [("a red boat, old", "sea"), ("sea", "a red boat, old")]
    assert closeness_gains(whole, [-0.9, -0.3]) == (
        TermGain("a red boat, old", pytest.approx(0.5), 4), TermGain("sea", pytest.approx(-0.1), 1))
    bare = dataclasses.replace(whole, terms=())
    assert [term for term, _ in without_terms(bare)] == ["a red boat", "old", "sea"]


def test_rerank_orders_by_replays_and_keeps_clips_view() -> None:
    given = [candidate(1, "a", similarity=0.9), candidate(2, "b", similarity=0.8),
             candidate(3, "c", similarity=0.7), candidate(4, "d", similarity=0.6)]
    asked: list[Sequence[str]] = []

    def scorer(prompts: Sequence[str]) -> list[float]:
        asked.append(prompts)
        return [{"a": -3.0, "b": -1.0, "c": -2.0}[p] for p in prompts]

    made = rerank(reversed(given), scorer, count=3)
    assert asked == [["a", "b", "c"]]
    assert [(c.rank, c.text, c.replay_score) for c in made] == [
        (1, "b", -1.0), (2, "c", -2.0), (3, "a", -3.0), (4, "d", None)]
    assert [c.text for c in sorted(made, key=lambda c: -c.similarity)] == ["a", "b", "c", "d"]


def test_rerank_leaves_the_persons_prompt_on_top_and_bears_nothing() -> None:
    made = rerank([candidate(1, "mine", source="person"), candidate(2, "b")], lambda p: [0.0, 1.0])
    assert [c.text for c in made] == ["mine", "b"] and made[0].replay_score == 0.0
    assert rerank([], lambda p: pytest.fail("nothing to score")) == []
    negative = PromptCandidate("s1", 1, "blur", "interrogation", "negative", -0.2, 1, 9.0)
    assert rerank([negative], lambda p: pytest.fail("no prompt for a replay")) == [negative]


def test_bits_follow_the_stated_code() -> None:
    table = frequencies()
    assert sum(table.values()) == pytest.approx(1) and len(table) == 49407
    assert table[267] > table[600] > table[40_000] > 2 ** -20
    assert prompt_bits([]) == 0.0 and prompt_bits([10 ** 6]) == pytest.approx(prompt_bits([49405]))
    for ids in ([600, 700], [320] * 10, [267, 5, 49405]):
        assert prompt_bits(ids) == pytest.approx(ledger.prompt_bits(ids, table, end=END))
