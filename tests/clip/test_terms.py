"""Term lists: where they come from, what is left out, and that reading them loads nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from explorer.clip.terms import (
    MAX_CHARACTERS,
    TermList,
    choose_lists,
    collection_lists,
    has_phrase,
    own_list,
    shipped_lists,
    term_list,
)
from explorer.errors import ExplorerError


def test_shipped_lists_hold_every_label() -> None:
    lists = {t.name: t for t in shipped_lists()}
    assert {n: len(t) for n, t in lists.items()} == {
        "artists": 10530, "flavors": 100969, "mediums": 95, "movements": 200, "trending": 72, "negative": 41}
    assert sum(len(t) for n, t in lists.items() if n != "negative") == 111_866
    assert {"by Zygmunt Vogel", "inspired by Zygmunt Vogel"} <= set(lists["artists"].terms)
    assert "pixiv contest winner" in lists["trending"].terms
    assert all(t.strip() == t and t for one in lists.values() for t in one.terms)


def test_reading_them_imports_neither_the_package_nor_torch() -> None:
    code = ("import sys; from explorer.clip.terms import shipped_lists; shipped_lists(); "
            "print([m for m in ('torch', 'open_clip', 'clip_interrogator') if m in sys.modules])")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_cleaning_says_what_it_left_out() -> None:
    raw = ["  a  b ", "A B", "", "  ", "c,", "x" * (MAX_CHARACTERS + 1), "猫", "c"]
    made = term_list("own", "flavor", raw)
    assert made.terms == ("a b", "c", "猫")
    assert made.notes == ("own: 2 repeated terms counted once",
                          f"own: 1 terms longer than {MAX_CHARACTERS} characters left out")
    assert term_list("own", "flavor", made.terms).sha256 == made.sha256
    assert own_list(["one\ntwo\n", "three", "two"]).terms == ("one", "two", "three")


def test_collection_terms_become_lists_by_kind() -> None:
    made = collection_lists(creators=["Ada Lee", " ", "Ada Lee"], titles=["Red house"], keywords=[])
    assert [(t.name, t.role, t.terms) for t in made] == [
        ("creators", "artist", ("by Ada Lee",)), ("titles", "flavor", ("Red house",))]


def test_choosing_by_name() -> None:
    collection = {"creators": ["Ada"], "titles": ["House"], "keywords": ["red"], "other": ["ignored"]}
    names = [t.name for t in choose_lists(["collection", "mediums"], collection=collection, own=["mine"])]
    assert names == ["creators", "titles", "keywords", "mediums", "own"]
    assert len(choose_lists(["shipped"])) == 6
    assert [t.name for t in choose_lists([], own=["mine"])] == ["own"]
    with pytest.raises(ExplorerError, match="no term list 'nonsense'"):
        choose_lists(["nonsense"])
    for empty in ([], ["collection"]):
        with pytest.raises(ExplorerError, match="no terms"):
            choose_lists(empty, own=["", " , "])


def test_phrases_are_whole_words_in_any_case() -> None:
    assert has_phrase("a Blue sky", "blue") and has_phrase("by ADA LEE, blue", "ada lee")
    assert not has_phrase("bluebird", "blue") and not has_phrase("blue", "") and has_phrase("猫 (1)", "(1)")


def test_unknown_role_is_a_bug() -> None:
    with pytest.raises(ValueError, match="role"):
        term_list("x", "nonsense", ["a"])
    assert TermList("x", "flavor", ()).sha256 != TermList("x", "flavor", ("a",)).sha256
