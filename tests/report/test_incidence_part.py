"""A report with an agreed plan and incidence plans: what kept to it stands apart from what did not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explorer.cases.export import export_case
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from explorer.evidence.agreed_plan import (
    AgreedPlan,
    PlannedEffort,
    PlannedModel,
    Population,
    SignedPlan,
    make_key,
    sign,
    write_plan,
)
from explorer.evidence.incidence_records import (
    Declared,
    Drawn,
    Hit,
    IncidenceLook,
    IncidencePlan,
    PromptOutcome,
    Protected,
)
from explorer.evidence.incidence_results import sheet_csv
from explorer.evidence.plan_on_record import checks, judged, plan_notes, put_plan
from explorer.records import ModelRef
from explorer.report.notice import write_notice
from explorer.report.write_report import make_report
from explorer.world.near_copy import NearCopyRule

MODEL = ModelRef("world", "f" * 64, "sd1")
NAMED, OTHER = "a" * 64, "b" * 64
AGREED = AgreedPlan(
    "How often does it come back?", (),
    (PlannedModel("the model", MODEL.fingerprint), PlannedModel("a service", "")),
    PlannedEffort(4, 3, (1.0,), "ddim", 64, 64), "tiled_l2", 0.15, 0.05,
    (Population("both sides' log", NAMED, 50),), margin=0.8)


def both_signed(plan):
    signed = SignedPlan(plan)
    for name in ("Ada for A", "Bob for B"):
        signed = sign(signed, make_key(None), name=name, password=None, clock=lambda: "2026-01-01T00:00Z")
    return signed


def incidence(case, name="p", *, steps=3, hits=(1, 0, 2)):
    """A plan over two populations, one named by the agreed plan, with outcomes and its look."""
    plan = IncidencePlan(
        name, "", (Declared("both sides' log", "both", "log", NAMED, 50, len(hits)),
                   Declared("our own", "claimant", "list", OTHER, 9, 2)),
        Protected("case", 1, 5, "c" * 64), NearCopyRule(0.15, 0.8), MODEL, 4, 0, steps, 1.0, "ddim", 64, 64,
        "simple", (1.0,), 0.95, 0.0, "e" * 64)
    case.commit(plan)
    for population, found in enumerate((hits, (0, 0))):
        case.commit(Drawn(f"{name}/{population}", name, population, "s", tuple(range(len(found)))))
        for line, many in enumerate(found):
            case.commit(PromptOutcome(
                f"{name}/{population}/{line}", name, population, line, f"=words {population} {line}", 4,
                tuple(Hit(s, "a work", 0.1, 0.4, "d" * 64) for s in range(many)), 1, 0, 0.1, "a work",
                ("0" * 16,) * 4, 12, 1.0))
    case.commit(IncidenceLook(f"{name}/0", name, 0, 1.0, 0.95, (len(hits), 2), (0.25, 0.0), (0.0, 0.0), (1.0, 1.0),
                              True))
    return plan


@pytest.fixture
def case(tmp_path):
    made = CaseStore(tmp_path / "cases").create("Incidence")
    yield made
    made.close()


def test_both_sides_populations_stand_side_by_side_with_every_prompt(case):
    incidence(case)
    text = make_report(case).decode()
    assert "both sides&#x27; log (named by both)" in text and "our own (named by claimant)" in text
    assert "nothing to report" not in text and "declared to be a log of real prompts" in text
    assert text.count("=words ") == 5 and "one-sided 95% limit from 2 prompts" in text
    assert "5 replays" not in text and ">12<" in text  # 3 prompts of 4 replays


def test_runs_outside_the_plan_are_apart_and_verify_says_where(case, tmp_path):
    incidence(case, "before")
    put_plan(case, write_plan(both_signed(AGREED)))
    incidence(case, "kept")
    incidence(case, "steps", steps=9)
    found = {r.id: r.departed for r in judged(case)}
    assert found == {"before/0": ("before",), "before/1": ("before", "population"), "kept/0": (),
                     "kept/1": ("population",), "steps/0": ("steps",), "steps/1": ("population", "steps")}
    text = make_report(case).decode()
    assert AGREED.sha256 in text and "Ada for A" in text and "Bob for B" in text
    assert "MODEL VERSION UNKNOWN" in text and "<h1>Model version unknown</h1>" in text
    assert "other steps" in text and "begun before the plan was on record" in text
    target = tmp_path / "case.zip"
    export_case(case, target, reports={"incidence-kept.csv": sheet_csv(case, case.record(IncidencePlan, "kept"))})
    report = verify_package(target, more=checks)
    said = [c for c in report.checks if c.name == "plan"]
    assert report.state == "consistent" and [c.state for c in said].count("kept") == 1
    assert [c.state for c in said].count("departed") == 5 and said[0].state == "holds"
    assert all("entry" in c.what for c in said if c.state == "departed")


def test_a_plan_is_carried_out_once_and_what_was_not_run_is_named(case):
    """A plan that can be repeated until it suits, or run in part, binds nobody."""
    other = replace(AGREED, works=("9" * 64,), populations=(*AGREED.populations, Population("theirs", OTHER, 9, 5)))
    put_plan(case, write_plan(both_signed(replace(AGREED, works=("9" * 64,)))))
    one_side = sign(SignedPlan(other), make_key(None), name="Ada", password=None, clock=lambda: "2026-01-02T00:00Z")
    put_plan(case, write_plan(one_side))
    incidence(case, "elsewhere")
    assert {r.id: r.departed for r in judged(case)} == {
        "elsewhere/0": ("protected",), "elsewhere/1": ("drawn", "protected")}
    said = " ".join(plan_notes(case, judged(case)))
    assert "Only one side signed" in said and "put on record in this case before" in said
    assert "work 1, “both sides' log”, “theirs”, the model, a service." in said
    put_plan(case, write_plan(both_signed(AGREED)))
    for name in ("first", "again"):
        incidence(case, name)
    found = {r.id: r.departed for r in judged(case)}
    assert found["first/0"] == () and found["again/0"] == ("again",)
    assert "carried out before under this plan" in make_report(case).decode()
    assert any(c.state == "open" and "a service" in c.what for c in checks(case))


def test_an_altered_plan_is_refused_and_an_unsigned_one_too(case):
    signed = both_signed(AGREED)
    altered = replace(signed, plan=replace(AGREED, level=0.5))
    with pytest.raises(ExplorerError, match="altered after it was signed"):
        put_plan(case, write_plan(altered))
    with pytest.raises(ExplorerError, match="Nobody has signed"):
        put_plan(case, write_plan(SignedPlan(AGREED)))
    assert judged(case) == []


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_the_notice_is_a_sheet_to_print(kind):
    data = write_notice(both_signed(AGREED), kind=kind)
    if kind == "pdf":
        assert data[:5] == b"%PDF-" and len(data) > 5000
    else:
        text = data.decode()
        assert AGREED.sha256 in text and "<h1>Model version unknown</h1>" in text and "both sides" in text
    assert "draft" in write_notice(SignedPlan(AGREED)).decode()


def test_a_spreadsheet_runs_nothing_of_the_sheet(case):
    plan = incidence(case)
    lines = sheet_csv(case, plan).decode().splitlines()
    assert len(lines) == 6 and all(",'=words" in line for line in lines[1:])
