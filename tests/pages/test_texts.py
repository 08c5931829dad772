"""The texts of the screens: what each outcome, task and way is called, and nothing alleged."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from explorer.images.metadata import Generation
from explorer.jobs.tasks import TASKS
from explorer.texts import FOLDER, WHOLE, catalogue
from pages.shared.texts import minutes, plain, size

PAGES = Path(__file__).resolve().parents[2] / "pages"
JUDGED = {"stands_out", "does_not_stand_out", "too_few_controls", "controls_not_matched", "no_controls",
          "controls_do_not_fit",
          "exploratory", "caption_late", "supplied_by_you"}  # what a measured test can find; each has a heading


SCREENS = {section: catalogue()[section] for path in (FOLDER / WHOLE / "screens").glob("*.toml")
           for section in tomllib.loads(path.read_text("utf-8"))}


def test_every_outcome_of_a_measured_test_has_a_heading():
    judge = (PAGES.parent / "explorer" / "findings" / "closeness_finding.py").read_text("utf-8")
    said = {kind for kind in catalogue()["statement"] if f'"{kind}"' in judge} - {"not_run"}
    said -= {"in_words"}  # fitted words are one way of supplying
    assert said == JUDGED and set(SCREENS["measured"]) >= JUDGED


def test_every_start_is_named_in_every_form_and_has_a_mark():
    from explorer.records import Start
    from explorer.report import drawings
    from pages.shared import plots
    for section in ("start_from", "start_line", "start_share", "start_short", "chart"):
        assert set(catalogue()[section]) >= set(Start), section
    assert {f"best_{start}" for start in Start} <= set(catalogue()["findings"])
    for named in (plots.STARTS, drawings._MARKS):
        assert list(named) == list(Start) and len(set(named.values())) == len(Start)
    for section in ("began", "started", "dot", "dots"):
        texts = catalogue()[f"document.{section}"]
        assert set(texts) == set(Start) and len(set(texts.values())) == len(Start)
    assert set(catalogue()["document.comes_back"]) == set(Start) - {Start.NOISE}


def test_every_setting_that_a_file_may_claim_is_named():
    told = {f.name for f in dataclasses.fields(Generation)} - {"tool", "other", "named"}
    assert set(catalogue()["generation"]) == told


def test_every_task_has_a_name():
    shipped = {name for name, task in TASKS.items() if task.__module__.startswith("explorer.")}
    assert shipped <= set(SCREENS["task"])


def test_every_way_to_align_is_offered_and_named():
    from explorer.closeness.alignment import OPTIONS
    from pages.replay.after_replay import WAYS
    assert WAYS == OPTIONS and set(SCREENS["align"]) >= set(OPTIONS)


@pytest.mark.parametrize("word", ["infring", "copied from", "stole", "plagiar", "proves that"])
def test_nothing_is_alleged(word):
    said = {k: t for section, names in SCREENS.items() for k, t in names.items() if word in t.lower()}
    assert set(said) <= {"cannot"}


def test_outside_text_cannot_become_markdown():
    assert plain("a *b* [c](http://d)\n# e <f>") == r"a \*b\* \[c\]\(http\:\/\/d\) \# e \<f\>".replace(r"\/", "/")


def test_times_and_sizes_read_as_people_say_them():
    assert [minutes(n) for n in (None, 5, 180, 7200)] == ["", "about 5 s", "about 3 min", "about 2.0 h"]
    assert [size(n) for n in (12, 2_500, 3_000_000, 4_100_000_000)] == ["12 B", "2.5 KB", "3.0 MB", "4.1 GB"]
