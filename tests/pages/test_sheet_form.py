"""Which replays a sheet can be made of, and how they are named."""

from __future__ import annotations

import dataclasses

from explorer.records import Start
from pages.report.sheet_form import MOST, offered_replays
from pages.shared.texts import bare, plain
from tests.pages.filled import fill


def test_what_was_given_the_picture_is_offered_last(home):
    case, _ = fill(home)
    given = [r.recipe.start_sha256 is not None for r in offered_replays(case).values()]
    assert given == sorted(given) and not given[0]
    for name in ("replay0001", "replay0006", "replay0004", "replay0009"):
        case.commit(dataclasses.replace(case.replay(name), exhibit=True))
    assert list(offered_replays(case)) == ["replay0004", "replay0006", "replay0009", "replay0001"]
    case.close()


def test_one_from_noise_is_offered_first_though_many_that_were_given_more_came_closer(home):
    case, subject_id = fill(home)
    first = case.replay("replay0000")
    many = [dataclasses.replace(first, id=f"many{n}", recipe=dataclasses.replace(first.recipe, seed=100 + n))
            for n in range(MOST)]
    noise = dataclasses.replace(first.recipe, start_sha256=None, strength=None, noise_blob="a" * 64)
    case.commit_all([*many, dataclasses.replace(first, id="shaped", recipe=noise)])
    offered = list(offered_replays(case).values())
    plain_noise = [r.recipe.start(case.subject(subject_id)) is Start.NOISE for r in offered]
    assert len(offered) == MOST and plain_noise == [n < 9 for n in range(MOST)] and offered[0].id == "replay0003"
    case.close()


def test_names_in_a_list_carry_no_marks():
    assert plain("my_work.png") == "my\\_work\\.png" and bare("my_work.png") == "my_work.png"
    assert bare("a\u202egnp.exe") == "a[U+202E]gnp.exe"
