"""What a gallery shows: marks hide and name, limits and near copies leave out, and everything stays on record."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.cases import marks
from explorer.cases.snapshot import snapshot
from explorer.collections.signatures import signature
from explorer.findings.gallery import Wish, fold, gallery_page, works_page
from explorer.findings.series import Page
from explorer.records import Start
from tests.pages.filled import fill, neighbour, picture

ALL = Page(1, 50)


@pytest.fixture
def filled(tmp_path):
    case, subject_id = fill(tmp_path)
    yield case, case.subject(subject_id)
    case.close()


def ids(found) -> list[str]:
    return [r.id for r in found.items]


def test_hidden_ones_are_left_out_and_stay_on_record(filled):
    case, subject = filled
    before = ids(gallery_page(case, subject, Wish(), ALL))
    marks.put(case, marks.HIDDEN, before[1:3])
    after = gallery_page(case, subject, Wish(), Page(1, 3))
    assert ids(after) == [before[0], *before[3:5]] and (after.total, after.hidden) == (10, 2)
    assert ids(gallery_page(case, subject, Wish(show="hidden"), ALL)) == before[1:3]
    assert case.count_replays(subject.id) == 12 and case.log()[-1].body["key"] == "hidden"
    marks.take_off(case, marks.HIDDEN, before[1:3])
    assert ids(gallery_page(case, subject, Wish(), ALL)) == before


def test_those_given_more_than_noise_stand_last_on_whichever_page(filled):
    """The three that were given the picture are the closest of all, and still the first one is from noise."""
    case, subject = filled
    closest_first = [r.id for r in case.replays(subject.id, limit=-1)]
    noise_first = [*closest_first[3:], *closest_first[:3]]
    odd = dataclasses.replace(case.replay("replay0011"), id="odd", closeness={"tiled_l2": 0.0})
    for name in ("embedding_blob", "noise_blob"):  # words, or noise, made for the picture
        recipe = dataclasses.replace(odd.recipe, seed=77, **{name: "a" * 64})
        case.commit(dataclasses.replace(odd, id=name, recipe=recipe))
    case.commit(dataclasses.replace(odd, id="bare", recipe=dataclasses.replace(odd.recipe, seed=78), closeness={}))
    wanted = [*noise_first[:9], "bare", "embedding_blob", "noise_blob", *noise_first[9:]]
    for view in (case, snapshot(case)):
        assert ids(gallery_page(view, subject, Wish(), ALL)) == wanted
        assert ids(gallery_page(view, subject, Wish(limit=9.0), ALL)) == [i for i in wanted if i != "bare"]
        assert [i for n in (1, 2, 3, 4) for i in ids(gallery_page(view, subject, Wish(), Page(n, 4)))] == wanted
        assert [r.id for r in view.noise_first(subject.id, limit=-1)] == wanted
        assert [r.id for r in view.noise_first(subject.id, limit=11)] == wanted[:11]
        assert view.noise_first(subject.id, search_id="none") == []
    highest = ids(gallery_page(case, subject, Wish(score="clip_cosine"), ALL))
    assert highest[0] == "replay0003" and highest.index("replay0000") > highest.index("replay0011")


def test_pages_go_on_where_the_one_before_ended(filled):
    case, subject = filled
    marks.put(case, marks.HIDDEN, ["replay0004"])
    whole = ids(gallery_page(case, subject, Wish(), ALL))
    assert [i for n in (1, 2, 3) for i in ids(gallery_page(case, subject, Wish(), Page(n, 5)))] == whole


def test_starred_ones_stand_in_the_same_order(filled):
    case, subject = filled
    marks.put(case, marks.STARRED, ["replay0007", "replay0002", "nothing-of-this-case"])
    assert ids(gallery_page(case, subject, Wish(show="starred"), ALL)) == ["replay0007", "replay0002"]
    assert ids(gallery_page(case, subject, Wish(show="starred", start=Start.NOISE), ALL)) == ["replay0007"]


@pytest.mark.parametrize("score", ["tiled_l2", "clip_cosine"])
def test_a_limit_is_the_worst_value_shown(filled, score):
    case, subject = filled
    middle = case.replay("replay0005").closeness[score]
    found = gallery_page(case, subject, Wish(score=score, limit=middle), ALL)
    assert "replay0005" in ids(found) and "replay0009" not in ids(found) and found.total < 12


def test_near_copies_of_one_before_them_are_left_out(filled):
    case, subject = filled
    found = gallery_page(case, subject, Wish(fold=True), ALL)
    assert ids(found)[0] == ids(gallery_page(case, subject, Wish(), ALL))[0]
    assert found.copies >= 5 and found.total + found.copies == 12


def test_different_pictures_and_blank_pages_are_no_near_copies():
    rng = np.random.default_rng(0)
    blocks = [np.kron(rng.integers(0, 255, (4, 4, 3)), np.ones((16, 16, 1))).astype(np.uint8) for _ in range(6)]
    pages = [np.full((64, 64, 3), 255, np.uint8)] * 3
    kept, copies = fold([*blocks, *pages, blocks[2][:, ::-1], None],
                        lambda rgb: None if rgb is None else signature(rgb))
    assert copies == 1 and len(kept) == 10


def test_works_are_marked_by_themselves_for_each_subject(filled):
    case, subject = filled
    works = [dataclasses.replace(neighbour(subject.id, n), closeness={"ssim": 0.1 * n}) for n in range(1, 7)]
    marks.put(case, marks.of_works(marks.HIDDEN, subject.id), ["work-2"])
    marks.put(case, marks.of_works(marks.STARRED, subject.id), ["work-3"])
    marks.put(case, marks.of_works(marks.HIDDEN, "another"), ["work-1"])

    def seen(wish: Wish) -> list[int]:
        return [w.rank for w in works_page(case, works, wish, ALL, mark_of=lambda w: None).items]

    assert seen(Wish(score="rank")) == [1, 3, 4, 5, 6] and seen(Wish(score="rank", show="hidden")) == [2]
    assert seen(Wish(score="rank", show="starred")) == [3]
    assert seen(Wish(score="rank", limit=0.75)) == [1, 3]
    assert seen(Wish(score="ssim", limit=0.45)) == [5, 6]


def test_a_picture_is_told_from_itself_only_once():
    same = [picture()] * 4
    kept, copies = fold(same, signature)
    assert len(kept) == 1 and copies == 3
