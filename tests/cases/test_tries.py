"""Replays in short say what the whole ones say, in the same order; only the newest, or of one search, if asked."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.findings.series import Closest, closest, in_rank, ranked
from explorer.records import Effort, Start
from tests.pages.filled import fill, replay


@pytest.fixture
def filled(tmp_path):
    case, subject_id = fill(tmp_path)
    odd = replay(20, subject_id)[0]
    recipe = dataclasses.replace(odd.recipe, seed=2**64 - 1, noise_blob="a" * 64, guidance=3.0)
    case.commit(dataclasses.replace(odd, id="odd", search_id="another", recipe=recipe, closeness={"ssim": 0.5}))
    yield case, subject_id
    case.close()


def test_each_is_its_replay_in_short(filled):
    case, subject_id = filled
    whole, short = case.replays(subject_id, order_by="time", limit=-1), case.tries(subject_id)
    assert len(short) == 13 and [t.id for t in short] == [r.id for r in whole]
    for made, told in zip(whole, short, strict=True):
        assert (told.search_id, told.exhibit, told.value) == (made.search_id, made.exhibit,
                                                              made.closeness.get("tiled_l2"))
        assert (told.unet_evaluations, told.elapsed_s) == (made.unet_evaluations, made.elapsed_s)
        assert told.start is made.recipe.start(case.subject(subject_id))
        for name in ("seed", "strength", "guidance", "steps", "scheduler", "prompt"):
            assert getattr(told, name) == getattr(made.recipe, name)
    assert [t.id for t in ranked(short, "tiled_l2")] == [r.id for r in in_rank(whole, "tiled_l2")]


def test_an_exhibit_keeps_its_place(filled):
    case, subject_id = filled
    before = [t.id for t in case.tries(subject_id)]
    case.commit(dataclasses.replace(case.replay("replay0003"), exhibit=True))
    after = case.tries(subject_id)
    assert [t.id for t in after] == before and [t.id for t in after if t.exhibit] == ["replay0003"]


def test_the_newest_and_those_of_a_search(filled):
    case, subject_id = filled
    every = case.tries(subject_id, score="ssim")
    assert case.tries(subject_id, score="ssim", newest=4) == every[-4:]
    assert case.tries(subject_id, score="ssim", search_id="another") == every[-1:] and every[-1].value == 0.5
    assert case.tries("nobody") == []


def test_the_closest_of_each_start(filled):
    case, subject_id = filled
    found = closest(case, case.subject(subject_id), "tiled_l2")
    assert (found.noise.id, found.given.id) == ("replay0003", "replay0000")
    assert closest(case, case.subject(subject_id), "ssim").noise.recipe.noise_blob is None
    assert closest(case, case.subject(subject_id), "efficientnet") == Closest(None, None)


def test_effort_is_that_of_all_replays(filled):
    from explorer.findings.series import case_effort
    case, subject_id = filled
    whole = case.replays(subject_id, limit=-1)
    assert case_effort(case, case.subject(subject_id)) == Effort(
        len(whole), sum(r.unet_evaluations for r in whole), sum(r.elapsed_s for r in whole))
    noise = [r for r in whole if r.recipe.strength is None and r.recipe.noise_blob is None]
    assert 0 < case_effort(case, case.subject(subject_id), start=Start.NOISE).tries == len(noise) < len(whole)
