"""Which replays a sheet can be made of, and how they are named."""

from __future__ import annotations

from pages.report.sheet_form import offered_replays
from pages.shared.texts import bare, plain
from tests.pages.filled import fill


def test_what_was_given_the_picture_is_offered_last(home):
    case, _ = fill(home)
    given = [r.recipe.start_sha256 is not None for r in offered_replays(case).values()]
    assert given == sorted(given) and not given[0]
    case.close()


def test_names_in_a_list_carry_no_marks():
    assert plain("my_work.png") == "my\\_work\\.png" and bare("my_work.png") == "my_work.png"
    assert bare("a\u202egnp.exe") == "a[U+202E]gnp.exe"
