"""Interrogation on a CLIP with random weights: it beats plain choices and says what it did."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from explorer.clip.bank import open_bank
from explorer.clip.beam import BeamSettings, words
from explorer.clip.bits import prompt_bits
from explorer.clip.encoder import Encoder
from explorer.clip.interrogate import MODES, Caption, InterrogationSettings, interrogate
from explorer.clip.terms import TermList, term_list
from explorer.errors import ExplorerError
from explorer.records import PromptCandidate, from_json, to_json
from tests.heard import Heard

SMALL = InterrogationSettings(pool=64, gradient_steps=30,
                              beam=BeamSettings(width=3, shortlist=24, max_terms=6))


def run(encoder: Encoder, image: np.ndarray, terms: Sequence[TermList],
        **options: object) -> list[PromptCandidate]:
    heard = Heard()
    made = interrogate(encoder, image, subject_id="s1", terms=terms, run=heard, **{"settings": SMALL, **options})
    assert heard.reports and all(isinstance(c, PromptCandidate) for c in made)
    assert [c.rank for c in made] == list(range(1, len(made) + 1))
    return made


def similarity(encoder: Encoder, image: np.ndarray, text: str) -> float:
    return float((encoder.encode_images([image]) @ encoder.encode_texts([text]).T)[0, 0])


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_states_what_it_found(encoder: Encoder, image: np.ndarray, lists: tuple[TermList, ...],
                                         mode: str) -> None:
    made = run(encoder, image, lists, mode=mode)
    assert made and len({c.text.casefold() for c in made}) == len(made)
    for c in made:
        assert c.similarity == pytest.approx(similarity(encoder, image, c.text), abs=1e-4)
        ids = encoder.token_ids(c.text)
        assert c.tokens == len(ids) <= 75 and c.bits == pytest.approx(prompt_bits(ids))
        assert c.mode in MODES and c.source == ("gradient" if mode == "gradient" else "interrogation")
        assert from_json(PromptCandidate, to_json(c)) == c
    order = [c.similarity for c in made]
    assert order == sorted(order, reverse=mode != "negative")


def test_gains_are_the_fall_when_a_term_is_left_out(encoder: Encoder, image: np.ndarray,
                                                    lists: tuple[TermList, ...]) -> None:
    best = run(encoder, image, lists)[0]
    parts = [t.term for t in best.terms]
    assert ", ".join(parts) == best.text and len(parts) > 1
    for i, term in enumerate(best.terms):
        rest = ", ".join(parts[:i] + parts[i + 1:])
        assert term.gain == pytest.approx(best.similarity - similarity(encoder, image, rest), abs=1e-4)
        assert term.tokens == len(encoder.token_ids(term.term))


def test_every_term_of_the_best_prompts_earns_its_tokens(encoder: Encoder, image: np.ndarray,
                                                         lists: tuple[TermList, ...]) -> None:
    settings = InterrogationSettings(beam=BeamSettings(shortlist=24, max_terms=8, worth=0.002))
    for c in run(encoder, image, lists, settings=settings):
        if c.mode == "best" and len(c.terms) > 1:
            assert all(t.gain >= 0.002 * (t.tokens + 1) - 1e-5 for t in c.terms)


def test_best_beats_greedy_fast_and_classic(encoder: Encoder, image: np.ndarray,
                                            lists: tuple[TermList, ...]) -> None:
    best = run(encoder, image, lists)[0].similarity
    for mode in ("fast", "classic"):
        assert best >= run(encoder, image, lists, mode=mode)[0].similarity - 1e-6
    terms = [t for one in lists if one.role != "negative" for t in one.terms]
    text, current = "", -1.0
    for _ in range(SMALL.beam.max_terms):  # plain greedy, every term measured every round
        tried = [f"{text}, {t}" if text else t for t in terms if not words(t) <= words(text)]
        scores = encoder.encode_texts(tried) @ encoder.encode_images([image])[0]
        if scores.max() <= current:
            break
        text, current = tried[int(scores.argmax())], float(scores.max())
    assert best >= current - 1e-4


def test_pairs_are_searched_exhaustively_when_the_beam_is_wide(encoder: Encoder, image: np.ndarray) -> None:
    few = term_list("few", "flavor", ["red disc", "blue house", "green moon", "old boat", "pale river"])
    wide = InterrogationSettings(beam=BeamSettings(width=30, shortlist=30, max_terms=2, worth=0, sweeps=0))
    best = run(encoder, image, [few], settings=wide)[0].similarity
    every = [", ".join(p) for n in (1, 2) for p in itertools.permutations(few.terms, n)]
    assert best >= max(similarity(encoder, image, t) for t in every) - 1e-4


def test_negative_looks_for_the_farthest(encoder: Encoder, image: np.ndarray,
                                         lists: tuple[TermList, ...]) -> None:
    first = run(encoder, image, lists, mode="negative")[0]
    singles = [t for one in lists if one.role in ("flavor", "negative") for t in one.terms]
    assert first.similarity <= min(encoder.encode_texts(singles) @ encoder.encode_images([image])[0]) + 1e-5


def test_fast_is_at_least_as_near_as_all_nearest_terms_together(encoder: Encoder, image: np.ndarray,
                                                                lists: tuple[TermList, ...]) -> None:
    settings = InterrogationSettings(fast_terms=8)
    query = encoder.encode_images([image])[0]
    labels = [t for one in lists if one.role != "negative" for t in one.terms]
    order = np.argsort(-(encoder.encode_texts(labels) @ query))[:8]
    peer = "a picture, " + ", ".join(labels[i] for i in order)
    ours = run(encoder, image, lists, mode="fast", settings=settings,
               captions=[Caption("a picture", "person")])
    made = next(c for c in ours if c.mode == "fast")
    assert made.similarity >= similarity(encoder, image, peer) - 1e-5 and made.text.startswith("a picture, ")


def test_captions_keep_their_labels_and_the_persons_wins(encoder: Encoder, image: np.ndarray,
                                                         lists: tuple[TermList, ...]) -> None:
    captions = ["Red sun by Bo", Caption("a sun", "caption model"), Caption("my old boat", "person"), "  "]
    made = run(encoder, image, lists, captions=captions)
    assert (made[0].text, made[0].source, made[0].mode) == ("my old boat", "person", "given")
    assert {c.text: c.source for c in made if c.mode == "given"} == {
        "my old boat": "person", "a sun": "caption model", "Red sun by Bo": "neighbour caption"}
    assert all(c.text.startswith("my old boat") for c in made if c.source == "interrogation")
    without = run(encoder, image, lists, captions=captions[:2])
    assert all(c.text.startswith("a sun") for c in without if c.source == "interrogation")
    neighbour_only = run(encoder, image, lists, captions=captions[:1])
    assert not any(c.text.startswith("Red sun") for c in neighbour_only if c.source == "interrogation")


def test_locked_terms_stay_and_banned_ones_go(encoder: Encoder, image: np.ndarray,
                                              lists: tuple[TermList, ...]) -> None:
    free = run(encoder, image, lists)[0]
    ban = free.terms[0].term.split()[0]
    made = run(encoder, image, lists, banned=[ban, " "], locked=["猫 on a hill", "猫 on a hill"],
               captions=[f"the {ban} thing", "quite other"])
    assert made and all(ban not in words(c.text) for c in made)
    assert all(c.text.startswith("猫 on a hill") and c.text.count("猫 on a hill") == 1
               for c in made if c.source == "interrogation")
    assert [c.text for c in made if c.mode == "given"] == ["quite other"]


def test_prompts_differ_and_repeat_no_words(encoder: Encoder, image: np.ndarray,
                                            lists: tuple[TermList, ...]) -> None:
    made = [c for c in run(encoder, image, lists) if c.mode == "best"]
    assert 2 <= len(made) <= SMALL.prompts
    sets = [{t.term for t in c.terms} for c in made]
    assert all(len(a & b) / len(a | b) <= SMALL.overlap for a, b in itertools.combinations(sets, 2))
    for c in made:
        seen: frozenset[str] = frozenset()
        for term in c.terms:
            assert not words(term.term) <= seen or not words(term.term)
            seen |= words(term.term)


def test_same_input_gives_the_same_prompts(encoder: Encoder, image: np.ndarray, tmp_path: Path,
                                           lists: tuple[TermList, ...]) -> None:
    first = run(encoder, image, lists, cache=tmp_path)
    assert run(encoder, image, lists, cache=tmp_path) == first == run(encoder, image, lists)
    embedding = encoder.encode_images([image])[0]
    assert run(encoder, None, lists, embedding=embedding) == first


def test_a_tower_that_is_not_causal_gives_right_results_slower(plain_encoder: Encoder, image: np.ndarray,
                                                               lists: tuple[TermList, ...]) -> None:
    made = run(plain_encoder, image, lists)
    assert made[0].similarity == pytest.approx(similarity(plain_encoder, image, made[0].text), abs=1e-4)
    with pytest.raises(ExplorerError, match="not causal"):
        run(plain_encoder, image, lists, mode="gradient")


@pytest.mark.parametrize("lists_given", [
    ["x" * 10_000, "y" * 10_000, "ok"], ["dup", "DUP", "dup "], ["word " * 76, "ok"],
    ["a b c d e " * 15, "b"],
    ["猫", "дом", "בית", "שלום עולם", "مرحبا"], ["!", "?!", "..."], ["日本語" * 30, "🙂"]])
def test_odd_terms(encoder: Encoder, image: np.ndarray, lists_given: list[str]) -> None:
    for mode in ("best", "fast", "negative"):
        made = run(encoder, image, [term_list("own", "flavor", lists_given)], mode=mode)
        assert made and all(c.tokens <= 75 for c in made)


def test_long_captions_and_locks(encoder: Encoder, image: np.ndarray, lists: tuple[TermList, ...]) -> None:
    made = run(encoder, image, lists, captions=[Caption("word " * 120, "person")])
    assert made[0].source == "person" and made[0].tokens == 120
    assert all(c.tokens <= 75 for c in made[1:]) and len(made) > 1
    full = run(encoder, image, lists, locked=["word " * 75])
    assert [c.tokens for c in full] == [75]
    with pytest.raises(ExplorerError, match="Lock fewer"):
        run(encoder, image, lists, locked=["word " * 76])


def test_clear_errors(encoder: Encoder, image: np.ndarray, lists: tuple[TermList, ...]) -> None:
    with pytest.raises(ExplorerError, match="Allowed are best"):
        run(encoder, image, lists, mode="nonsense")
    for empty in ([], [term_list("own", "flavor", [])]):
        with pytest.raises(ExplorerError, match="no terms"):
            run(encoder, image, empty)
    with pytest.raises(ExplorerError, match="another CLIP"):
        run(encoder, None, lists, embedding=np.ones(7, np.float32))
    with pytest.raises(ExplorerError, match="every term is banned"):
        run(encoder, image, lists, banned=[t for one in lists for t in one.terms])


def test_gradient_prompt_is_reproducible_words(encoder: Encoder, image: np.ndarray) -> None:
    first = run(encoder, image, [], mode="gradient", locked=["a drawing"], banned=["the"])[0]
    assert first == run(encoder, image, [], mode="gradient", locked=["a drawing"], banned=["the"])[0]
    assert first.text.startswith("a drawing, ") and len(first.text.split()) == 10
    bare = run(encoder, image, [], mode="gradient")[0]
    rng = np.random.default_rng(0)
    vocabulary = [p[:-4] for p in encoder.tokenizer.encoder if p.endswith("</w>") and p[:-4].isalpha()]
    chance = [" ".join(rng.choice(vocabulary, 8)) for _ in range(60)]
    assert bare.similarity > max(encoder.encode_texts(chance) @ encoder.encode_images([image])[0])
    with pytest.raises(ExplorerError, match="do not fit"):
        run(encoder, image, [], mode="gradient", locked=["word " * 70])


def test_nearest_terms_of_one_list(encoder: Encoder, image: np.ndarray, lists: tuple[TermList, ...]) -> None:
    bank = open_bank(encoder, lists[2], cache=None)
    query = encoder.encode_images([image])[0]
    made = [bank.terms.terms[i] for i, _ in bank.top(query, 2)]
    scores = dict(zip(lists[2].terms, encoder.encode_texts(lists[2].terms) @ query, strict=True))
    assert made == sorted(scores, key=lambda t: -scores[t])[:2]
