"""A report of one case in English and in German: the same facts, and no word of the program left in English."""

from __future__ import annotations

import html
import re
from pathlib import Path

from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.report.options import ReportOptions
from explorer.report.write_report import make_report
from explorer.texts import speaking

EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "examples" / "look_alike.zip"
ENGLISH = re.compile(r"\b(?:the|this|your|with|which|from|every|without|were|not)\b")
# What people wrote, and works that are quoted.
GIVEN = ("What comes back for a work that was never in training", "A look-alike that was never in training",
         "the world's control works", "public domain", "Extracting Training Data", "The Use of Confidence",
         "Natural Language Supervision", "Controlling the False")


def lines_of(report: bytes) -> list[str]:
    """The report's lines as a reader sees them, without its charts and without JSON."""
    bare = re.sub(r"<(style|script|svg|pre|code)\b.*?</\1>", "", report.decode(), flags=re.DOTALL)
    parts = re.split(r"</(?:p|td|th|li|h\d|figcaption|div)>", bare)
    return [html.unescape(" ".join(re.sub(r"<[^>]*>", " ", part).split())) for part in parts]


def test_a_report_in_german_has_the_same_facts_and_no_english(tmp_path):
    store = CaseStore(tmp_path)
    case = import_package(store, EXAMPLE)
    options = ReportOptions(prepared_by="X")
    english = make_report(case, options=options)
    with speaking("de"):
        german = make_report(case, options=options)
    assert b'<html lang="en"' in english and b'<html lang="de"' in german
    here, there = lines_of(german), lines_of(english)
    assert len(here) == len(there)
    assert not [line for line in here if ENGLISH.search(line) and not any(part in line for part in GIVEN)]
    digits = [[sorted(re.findall(r"\d", line)) for line in lines] for lines in (here, there)]
    assert digits[0] == digits[1]
