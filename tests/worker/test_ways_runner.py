"""Searches from a replay: small steps, and optimised noise, with their own bills, on a tiny model."""

from __future__ import annotations

import math

import pytest

from explorer.errors import ExplorerError
from explorer.findings.case_ledger import replay_ledger
from explorer.records import Start
from explorer.records.words_records import WordsFound
from tests.worker.test_runners import sources, work  # noqa: F401


@pytest.fixture
def found(work):  # noqa: F811
    """The best replay of a plain search of four seeds."""
    return work.case.replay(work.run(work.search())["best_replay_id"])


def follow(work, found, **settings):  # noqa: F811
    task = work.search(parent=found.id, **settings)
    return work.run(type(task)(**{**vars(task), "search_id": "q2"}))


def test_closer_steps_are_charged_as_rounds(work, found):  # noqa: F811
    summary = follow(work, found, mode="closer", rounds=2, options=5)
    made = work.case.replays(work.subject.id, search_id="q2", order_by="time", limit=-1)
    assert len(made) == 10 == summary["effort"]["tries"]
    sources_ = [e["source"] for e in summary["ledger"]]
    assert sources_.count("rounds") == 1 and "starting image" not in sources_ and "seeds" in sources_
    place = [r.id for r in made].index(summary["best_replay_id"])
    bits = next(e["bits"] for e in summary["ledger"] if e["source"] == "rounds")
    assert bits == pytest.approx((place // 5 + 1) * math.log2(6) + 1)
    assert any(r.exhibit for r in made)  # those that repaint a replay can be rendered again as well


def test_optimised_noise_is_charged_and_kept_with_its_case(work, found):  # noqa: F811
    summary = follow(work, found, mode="noise", rounds=3)
    made, = work.case.replays(work.subject.id, search_id="q2", limit=-1)
    noise = work.case.blob(made.recipe.noise_blob)
    entry = next(e for e in summary["ledger"] if e["source"] == "noise")
    assert entry["bits"] == 8 * len(noise) and made.exhibit
    assert summary["effort"]["unet_evaluations"] == 3 * 4 * 3 * 2 + 4 * 2
    with pytest.raises(ExplorerError, match="stored noise"):
        follow(work, made, mode="closer", rounds=1, options=1)


def test_words_from_the_picture_are_recorded_charged_and_replayed(work):  # noqa: F811
    summary = work.run(work.search(mode="trigger"))
    found, = work.case.records(WordsFound, subject_id=work.subject.id)
    made = work.case.replays(work.subject.id, search_id=found.id, order_by="time", limit=-1)
    assert len(made) == 8 == summary["effort"]["tries"] and {r.recipe.prompt for r in made} == {found.prompt}
    fitted = [r for r in made if r.recipe.start(work.subject) is Start.FITTED]
    assert len(fitted) == 4 == sum(r.recipe.start(work.subject) is Start.NOISE for r in made)
    code = work.case.blob(fitted[0].recipe.embedding_blob)
    assert found.embedding_blob == fitted[0].recipe.embedding_blob and found.code_bits == 8 * len(code)
    entry = next(e for e in replay_ledger(work.case, fitted[0]) if e.source == "words")
    assert entry.bits == found.code_bits
    assert summary["effort"]["unet_evaluations"] == found.unet_evaluations + sum(r.unet_evaluations for r in made)
    assert all(r.exhibit for r in made if r.id == summary["best_replay_id"])
    with pytest.raises(ExplorerError, match="stored"):
        follow(work, fitted[0], mode="closer", rounds=1, options=1)


def test_a_closer_search_needs_a_replay(work):  # noqa: F811
    with pytest.raises(ExplorerError, match="needs a replay"):
        work.run(work.search(mode="closer", rounds=1, options=2))
