"""The texts of the screens: everything used is there, everything there is used, and it is honest."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from explorer.findings.wording import STATEMENTS
from explorer.images.metadata import Generation
from explorer.jobs.tasks import TASKS
from explorer.texts import FOLDER, WHOLE, catalogue
from pages.shared.texts import minutes, plain, size

PAGES = Path(__file__).resolve().parents[2] / "pages"
SOURCE = "\n".join(p.read_text("utf-8") for p in PAGES.rglob("*.py"))
# Sections whose keys are made at run time, from names that other tests check.
MADE = {"c2pa", "compare", "detail", "device", "dialect", "empty", "generation", "glossary", "grid", "hash", "kind",
        "lists", "mode", "nav", "noise_source", "order", "origin", "overview", "path", "search_mode", "source",
        "start_from", "start_line", "start_share", "start_short", "state", "stop_rule", "story", "task", "told",
        "worker"}


JUDGED = {"stands_out", "does_not_stand_out", "too_few_controls", "no_controls", "controls_do_not_fit",
          "exploratory", "supplied_by_you"}  # what a measured test can find; each has a heading


SCREENS = {section: catalogue()[section] for path in (FOLDER / WHOLE / "screens").glob("*.toml")
           for section in tomllib.loads(path.read_text("utf-8"))}


def keys() -> set[str]:
    return {f"{section}.{name}" for section, names in SCREENS.items() for name in names}


def test_every_key_that_is_used_exists():
    used = set(re.findall(r'say\("([a-z_0-9]+\.[a-zA-Z_0-9]+)"', SOURCE))
    assert used and used <= keys()


def test_no_text_is_left_over():
    loose = {k for k in keys()
             if k.split(".")[0] not in MADE and not re.search(rf"['\"]{re.escape(k)}['\"]", SOURCE)}
    made = re.compile(r"\.(title|lead|empty)$|^(pick|tray|scores|chart|settings)\.|^findings\.best_"
                      r"|^portfolio\.way_|^measured\.(prompt|controls|plan)_|^align\.(shift|scale|mirror|colour)$|^marks\.(show|limit)_")
    loose -= {f"measured.{kind}" for kind in JUDGED}
    assert {k for k in loose if not made.search(k)} == set()


def test_every_outcome_of_a_measured_test_has_a_heading():
    judge = (PAGES.parent / "explorer" / "findings" / "judge.py").read_text("utf-8")
    said = {kind for kind in STATEMENTS if f'"{kind}"' in judge} - {"not_run"}
    assert said == JUDGED and set(SCREENS["measured"]) >= JUDGED


def test_every_start_is_named_in_every_form_and_has_a_mark():
    from explorer.records import Start
    from explorer.report import drawings, report_texts
    from pages.shared import plots
    for section in ("start_from", "start_line", "start_share", "start_short", "chart"):
        assert set(catalogue()[section]) >= set(Start), section
    assert {f"best_{start}" for start in Start} <= set(catalogue()["findings"])
    for named in (plots.STARTS, drawings._MARKS, report_texts.STARTS, report_texts.STARTED):
        assert list(named) == list(Start) and len(set(named.values())) == len(Start)
    assert set(report_texts.COMES_BACK) == set(Start) - {Start.NOISE}


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
