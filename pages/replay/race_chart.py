"""The race as it runs: distance by step, lanes dropping out; pause, go on and extend a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.cases.case import Case
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings, SearchPlan, SearchSummary, StopRules, Subject, from_json
from explorer.records.race_records import LaneRecord, RaceRound, RaceSetup, lanes, started
from explorer.records.scores import SCORES
from pages.shared import plots, state
from pages.shared.texts import say
from pages.tasks import live, submit

MOST_LANES = 256
_INK, _GREY = "#2f8591", "#9aa0a6"


def running(here: state.Here) -> str:
    """The search that runs in the open case now; "" while none does."""
    return next((j.task.search_id for j in submit.active(here, "RunSearch") if j.state == "running"), "")


def limit_line(setup: RaceSetup) -> str:
    """What is known of the chance that a race with these checkpoints drops the best."""
    if setup.loss_upper is None:
        return say("race.unknown", heat=setup.heat)
    key = "race.judged" if setup.judged else "race.known"
    return say(key, heat=setup.heat, limit=f"{setup.loss_upper:.0%}", works=setup.measured_on)


def draw(case: Case, subject: Subject, search: str) -> None:
    """The race of a search so far, if it is one: a line a seed, and what it says."""
    setup = case.record(RaceSetup, search) if search else None
    if setup is None:
        return
    rounds = [r for r in case.records(RaceRound, subject_id=subject.id) if r.search_id == search]
    if not rounds:
        st.caption(limit_line(setup))
        return
    every = lanes(rounds)
    going = [lane for lane in every if lane.dropped_at is None]
    shown = sorted(every, key=lambda lane: (-len(lane.points), lane.points[-1][1]))[:MOST_LANES]
    st.markdown(f"**{say('race.picture')}**")
    distance = say("race.distance", label=SCORES[setup.score].label)
    layout = {"height": 300, "margin": {"l": 8, "r": 8, "t": 8, "b": 40}, "dragmode": False,
              "xaxis": {"title": {"text": say("race.step")}, "rangemode": "tozero", "automargin": True},
              "yaxis": {"title": {"text": distance}, "automargin": True},
              "legend": {"orientation": "h", "y": 1.15, "x": 0}}
    plots.draw(_traces(shown), layout, key=f"lanes_{search}",
               alt=say("race.picture_alt", starters=started(rounds), going=len(going)))
    if len(every) > len(shown):
        st.caption(say("race.more_lanes", shown=len(shown), total=len(every)))
    known = setup.loss_upper
    limit = say("race.limit_unknown") if known is None else say("race.limit_known", limit=f"{known:.0%}")
    finished = sum(len(r.seeds) for r in rounds if r.finish)
    st.caption(say("race.result", starters=started(rounds), finished=finished, limit=limit))


def _traces(shown: Sequence[LaneRecord]) -> list[dict[str, Any]]:
    """Dropped lanes below, those still in it above; one legend entry each."""
    traces, named = [], set()
    for lane in sorted(shown, key=lambda lane: lane.dropped_at is None):
        group = "race.going" if lane.dropped_at is None else "race.dropped"
        ends = [0] * (len(lane.points) - 1) + [7]
        traces.append({
            "type": "scatter", "mode": "lines+markers", "x": [p[0] for p in lane.points],
            "y": [p[1] for p in lane.points], "name": say(group), "legendgroup": group,
            "showlegend": group not in named,
            "line": {"color": _INK if lane.dropped_at is None else _GREY,
                     "width": 2 if lane.dropped_at is None else 1},
            "marker": {"size": ends, "symbol": "circle" if lane.dropped_at is None else "x"},
            "hovertemplate": f"{say('race.seed', seed=lane.seed)}: %{{y:.3f}}<extra></extra>"})
        named.add(group)
    return traces


def steer(here: state.Here, search: str) -> None:
    """Pause a search that runs, go on with one that did not end, or extend one that did by more seeds."""
    case, subject = here.open_case, here.open_subject
    plan = case.record(SearchPlan, search) if search else None
    if plan is None or case.read_only:
        return
    job = next((j for j in submit.active(here, "RunSearch") if j.task.search_id == search), None)
    if job is not None:
        if job.state == "running":
            st.button(say("race.pause"), key=f"pause_{job.id}", icon=":material/pause:", on_click=live.cancel,
                      args=(job.id,), disabled=job.cancel_asked)
        return
    summary = case.record(SearchSummary, search)
    settings = from_json(ReplaySettings, plan.settings)
    if summary is not None and summary.ended_by:
        st.caption(say("race.ended", rule=say(f"stop_rule.{summary.ended_by}")))
    if settings.mode in ("closer", "noise"):
        return
    if summary is None or summary.state != "done":
        if st.button(say("race.go_on"), key="go_on_search", icon=":material/play_arrow:"):
            _again(here, search, subject, settings)
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    more = row.number_input(say("race.how_many"), 1, 100_000, max(1, settings.seeds), key=f"more_{search}",
                            help=say("race.extend_help"), width=160)
    if row.button(say("race.extend"), key="extend_search", icon=":material/add:"):
        _again(here, search, subject, dataclasses.replace(settings, seeds=settings.seeds + more))


def _again(here: state.Here, search: str, subject: Subject, settings: ReplaySettings) -> None:
    """The same search once more, its stop rules taken off; what is on record is not repeated."""
    task = RunSearch(here.open_case.id, subject.id, search, dataclasses.replace(settings, stop=StopRules()),
                     here.settings.model, here.settings.clip)
    submit.submit(here, task)
    state.remember(search=search)
    st.rerun(scope="app")
