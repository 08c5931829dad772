"""Incidence plans of a case on the screen: both sides' populations side by side, works, and every prompt."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.cases.exports import is_counsel_only
from explorer.evidence.incidence_results import SHEET, IncidenceResult, plans, results, sheet, sheet_csv
from explorer.evidence.incidence_words import (
    estimate_words,
    population_line,
    population_name,
    summary_lines,
    works_line,
)
from explorer.evidence.plan_on_record import agreed_sha256, judged, named
from pages.incidence import share_chart
from pages.shared import state
from pages.shared.texts import plain, say
from pages.tasks import live

TASK = "RunIncidence"
SHOWN = 2_000  # rows of the sheet that are drawn


def draw() -> None:
    """The job under way, then every plan, the newest first."""
    here = state.here()
    live.panel(here, TASK)
    if here.case is None:
        return
    departed = {r.id: r.departed for r in judged(here.case)}
    for plan in reversed(plans(here.case)):
        with st.container(border=True):
            _plan(here.case, results(here.case, plan), departed)


def _plan(case: Case, found: IncidenceResult, departed: dict[str, tuple[str, ...]]) -> None:
    plan = found.plan
    st.subheader(plain(plan.question) or say("incidence_report.untitled", id=plan.id), anchor=False)
    numbers = range(len(plan.populations))
    outside = [n for n in numbers if departed.get(f"{plan.id}/{n}")]
    for group, is_outside in (([n for n in numbers if n not in outside], False), (outside, True)):
        if group and is_outside:
            st.warning(say("incidence_report.outside_text"), icon=":material/rule:")
        for n in group:
            st.markdown(plain(population_line(found.populations[n])))
            if is_outside:
                st.caption(plain(say("incidence.departs", where=named(departed[f"{plan.id}/{n}"]))))
    if found.look is not None:
        share_chart.draw(found, key=f"shares_{plan.id}")
        _works(found)
    for line in summary_lines(found):
        st.caption(plain(line))
    if agreed_sha256(case) and not outside:
        st.caption(say("incidence.kept"))
    _sheet(case, found)
    st.caption(say("incidence_report.limits"))


def _works(found: IncidenceResult) -> None:
    for part in found.populations:
        if part.works:
            st.markdown(f"**{plain(population_name(part.declared))}**: {plain(works_line(found, part))}")
            names = say("incidence_head.works").split("|")
            st.dataframe([dict(zip(names, (w.work, w.estimate.hits, w.estimate.prompts_with_hits,
                                           estimate_words(w.estimate)), strict=True)) for w in part.works],
                         hide_index=True, key=f"works_{found.plan.id}_{part.declared.name}")


def _sheet(case: Case, found: IncidenceResult) -> None:
    """The denominator sheet: every prompt, as a table and to take away."""
    rows = sheet(case, found.plan)
    with st.expander(say("incidence.sheet", n=len(rows)), icon=":material/table_rows:"):
        st.caption(say("incidence_report.sheet_text"))
        st.dataframe([dict(zip(SHEET[1:13], row[1:13], strict=True)) for row in rows[:SHOWN]], hide_index=True,
                     height=320, key=f"sheet_{found.plan.id}")
        if is_counsel_only(case.folder):
            return
        st.download_button(say("incidence.save"), lambda: sheet_csv(case, found.plan), icon=":material/download:",
                           file_name=f"incidence-{found.plan.id}.csv", mime="text/csv", on_click="ignore",
                           key=f"save_{found.plan.id}")
