"""A text of any length from outside takes no page with it."""

from __future__ import annotations

import json
import sqlite3

import pytest

from explorer.cases.case_facts import MOST_FACT, MOST_TITLE
from explorer.cases.export import export_case
from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError, cut, shortened
from explorer.report.readable import check_readable
from explorer.report.write_report import make_report
from pages.shared.frame import LIBRARY, PATH
from pages.shared.texts import MOST_SHOWN, plain
from tests.pages.filled import fill

HUGE = 3_000_000


def drawn_bytes(app) -> int:
    """How much text a page sends to the browser."""
    return sum(len(json.dumps(str(getattr(e, "value", "") or getattr(e, "label", "") or ""))) for e in app.main)


@pytest.fixture
def long_titled(home):
    """A case whose title and question an earlier version took at any length."""
    made, subject_id = fill(home)
    made.close()
    db = sqlite3.connect(made.folder / "case.sqlite")
    with db:
        for fact in ("title", "question", "owner"):
            db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (fact, "x" * HUGE))
    db.close()
    return made.id, subject_id


@pytest.mark.parametrize("name", ["start", *PATH, *LIBRARY])
def test_a_title_of_three_megabytes_stands_on_no_page(opened, long_titled, name):
    app = opened(name, long_titled)
    assert not app.exception and drawn_bytes(app) < 500_000


def test_reports_cut_it_too_and_the_package_keeps_it(home, long_titled, tmp_path):
    case = CaseStore(home / "cases").open(long_titled[0])
    assert case.title.endswith("… (3,000,000 letters)") and len(case.title) < MOST_TITLE + 40
    assert len(make_report(case)) < 2_000_000
    case.close()


def test_longer_facts_are_refused_when_they_are_written(home):
    store = CaseStore(home / "cases")
    made = store.create("x" * MOST_TITLE, question="y" * MOST_FACT)
    for refused in (lambda: store.create("x" * (MOST_TITLE + 1)), lambda: store.create("x", question="y" * HUGE),
                    lambda: store.rename(made.id, "x" * HUGE), lambda: made.set_meta("owner", "z" * HUGE)):
        with pytest.raises(ExplorerError, match="may have"):
            refused()
    assert made.title == "x" * MOST_TITLE and len(store.list()) == 1


def test_a_package_with_such_texts_is_not_imported(home, tmp_path):
    for number, spoil in enumerate((lambda c: c._append("note", {"text": "x" * HUGE}),
                                    lambda c: c._append("case", {"title": "x" * HUGE}))):
        case, _ = fill(home)
        with case._write():
            spoil(case)
        target = tmp_path / f"{number}.zip"
        export_case(case, target)
        case.close()
        with pytest.raises(ExplorerError, match=r"3,000,000 letters"):
            import_package(CaseStore(tmp_path / "other"), target, check=check_readable)


def test_plain_text_is_cut_and_says_so():
    assert plain("a" * HUGE) == "a" * MOST_SHOWN + r"… \(3,000,000 letters\)"
    assert plain("a" * MOST_SHOWN) == "a" * MOST_SHOWN
    assert cut("abc", 3) == "abc" and shortened("a\nb") == "a b" and len(shortened("x" * HUGE)) == 120
