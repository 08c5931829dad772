"""For counsel only: nothing that was tried there goes out with another case, and one number does."""

from __future__ import annotations

import random

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.evidence.counsel import check_disclosed, count_looks, traces
from explorer.evidence.counsel_said import TOLD, LooksCounted, counsel_cases, looks_lines
from explorer.images.decode import png_bytes
from explorer.records import PromptCandidate
from explorer.report.write_report import make_report
from tests.benchmarks import incidence_leaks
from tests.benchmarks.incidence_leaks import WAYS, _picture, _work


@pytest.fixture
def store(tmp_path):
    (tmp_path / "cases").mkdir()
    return CaseStore(tmp_path / "cases")


@pytest.fixture
def rig(store):
    """A counsel-only case with replays, and a case that is shown; both have the same picture."""
    dice = random.Random(3)
    picture = _picture(dice)
    secret, shown = store.create("Secret", counsel_only=True), store.create("Shown")
    tried = _work(secret, picture, dice, prompts=4)
    _work(shown, picture, dice, prompts=2)
    return secret, shown, tried, dice, picture


def test_the_mark_is_in_the_folder_and_not_in_the_log(store, rig):
    secret, shown, *_ = rig
    assert counsel_cases(store) == [secret.id] and store.is_counsel_only(secret.id)
    assert not any("counsel" in str(e.body) for e in secret.log())
    assert [r.counsel_only for r in store.list()].count(True) == 1 and not store.is_counsel_only(shown.id)


def test_an_honest_case_goes_out_although_the_picture_is_the_same(store, rig):
    _, shown, *_ = rig
    check_disclosed(store, shown, texts=["Ada Lovelace"])


def test_prompts_that_a_case_recovers_by_itself_are_its_own(store, rig):
    _, shown, tried, *_ = rig
    prompt, subject = tried[0].recipe.prompt, shown.subjects()[0]
    shown.commit(PromptCandidate(subject.id, 1, prompt, "interrogation", "best", 0.3, 9, 40.0))
    shown.choose_prompt(subject.id, prompt)
    check_disclosed(store, shown)


@pytest.mark.parametrize("way", WAYS[:16], ids=lambda way: way.__name__)
def test_nothing_that_was_tried_goes_out(store, rig, way):
    secret, shown, tried, dice, _ = rig
    way(shown, secret, tried, [r.recipe.prompt for r in tried], dice)
    with pytest.raises(ExplorerError, match="tried for counsel only stands in this case"):
        check_disclosed(store, shown)


def test_texts_and_pictures_that_go_out_with_it_are_searched(store, rig):
    secret, shown, tried, *_ = rig
    with pytest.raises(ExplorerError, match="goes out with it"):
        check_disclosed(store, shown, texts=[f"By Ada, after {tried[0].recipe.prompt}"])
    logo = incidence_leaks.open_image(secret.blob(tried[0].image_sha256), name="x").rgb
    with pytest.raises(ExplorerError, match="goes out with it"):
        check_disclosed(store, shown, pictures=[np.ascontiguousarray(logo[2:-2, 2:-2])])
    with pytest.raises(ExplorerError, match="never exported"):
        check_disclosed(store, secret)


def test_looks_are_counted_over_all_cases_and_nothing_else_is_said(store, rig):
    _, shown, tried, *_ = rig
    count_looks(store, shown)
    one, = shown.records(LooksCounted)
    assert one.looks == 6  # two of its own, and four that nobody is told of
    text = make_report(shown).decode()
    assert "looked at 6 times" in text and "counsel" not in text and not any(
        r.recipe.prompt in text for r in tried)
    check_disclosed(store, shown)
    shown.set(TOLD, True)
    assert "for counsel only" in make_report(shown).decode() and len(looks_lines(shown)) == 2


def test_another_person_s_counsel_only_work_is_not_even_looked_at(tmp_path, rig):
    others = CaseStore(tmp_path / "cases", person="somebody else")
    assert counsel_cases(others) == [] and not traces(others).words


def test_a_picture_made_there_that_comes_near_the_given_one_is_told_from_it(store):
    dice = random.Random(4)
    picture = _picture(dice)
    secret, shown = store.create("Secret", counsel_only=True), store.create("Shown")
    _work(secret, picture, dice, prompts=1)
    near = picture.copy()
    near[:, ::9] = np.clip(near[:, ::9].astype(int) - 25, 0, 255)
    replay = secret.replays(order_by="time", limit=1)[0]
    png = png_bytes(near)
    import dataclasses
    import hashlib
    secret.commit(dataclasses.replace(replay, id="near" * 4, search_id="n" * 16,
                                      image_sha256=hashlib.sha256(png).hexdigest()),
                  blobs={hashlib.sha256(png).hexdigest(): png})
    shown.add_subject(png_bytes(picture), "the work itself.png")
    check_disclosed(store, shown)
    shown.add_subject(png, "what came back.png")
    with pytest.raises(ExplorerError, match="was made there"):
        check_disclosed(store, shown)
