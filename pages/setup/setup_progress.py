"""How far the test is: controls, then each work with a way to what was found; it goes on by itself."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.cases.case import Case
from explorer.familiarity.records import FamiliarityTest
from explorer.findings.calibration import Calibration, in_short
from explorer.findings.finding import Finding, Measured
from explorer.jobs.job import Job
from explorer.jobs.tasks import MeasureSubject
from explorer.setup import start
from pages.findings import known_card
from pages.setup import outlook, steps
from pages.shared import state, widgets
from pages.shared.state import Here
from pages.shared.texts import known, plain, retold, say
from pages.tasks import live


def draw(now: Here) -> None:
    """Draws now, and again every second for as long as something is under way."""
    found = steps.choices(now)
    jobs = _begun(now)
    last = next((j.id for j in reversed(jobs) if not j.ended), found.jobs[-1])
    live.follow_job(_drawn, last)
    if all(j.ended for j in jobs):
        st.button(say("setup.another"), key="setup_another", on_click=_anew)


def _begun(now: Here) -> list[Job]:
    found = steps.choices(now)
    return start.jobs_of(replace(found, fetch=(), after=()), now.queue)


def _drawn() -> None:
    here = state.here()
    found, jobs = steps.choices(here), _begun(here)
    if not jobs:
        st.info(say("setup.gone"), icon=":material/history:")
        return
    tests = [j for j in jobs if isinstance(j.task, MeasureSubject)]
    done = sum(j.state == "done" for j in tests)
    st.markdown(_how_far(done, len(tests), ended=all(j.state == "done" for j in jobs)))
    for job in jobs:
        if job.state in ("running", "interrupted", "failed") and not job.held:
            live.one(here, job.id)
    if any(j.resumable and not j.held for j in jobs):
        st.button(say("tray.resume"), type="primary", key="setup_resume", on_click=outlook.resume)
    if any(not j.ended for j in jobs):
        st.caption(say("setup.close"))
    case = here.store.open(found.case)
    for job in tests:
        _work(case, job)
    _calibration(case)
    case.close()
    if len(tests) > 1 and all(j.ended for j in jobs) and st.button(
            say("setup.together"), key="setup_together", icon=":material/photo_library:"):
        state.go("portfolio", case_id=found.case)


def _how_far(done: int, works: int, *, ended: bool) -> str:
    """Where the run is: among the tests, at the second question, or at its end."""
    if ended:
        return say("setup.finished", n=works)
    return say("setup.running", done=done, n=works) if done < works else say("setup.asking")


def _calibration(case: Case) -> None:
    made = case.records(Calibration)
    if made:
        with st.container(border=True):
            st.markdown(f"**{say('setup.calibration')}**")
            st.markdown(in_short(made[-1]))


def _work(case: Case, job: Job) -> None:
    """One work: waiting, under way, or what was found with a way to it."""
    subject = case.subject(job.task.subject_id)
    test = next((t for t in reversed(case.records(Measured, subject_id=subject.id)) if t.id == job.task.search_id),
                None)
    finding = case.record(Finding, test.id) if test else None
    with st.container(border=True):
        *places, told = st.columns([1, 1, 4] if test else [1, 5], vertical_alignment="center")
        with places[0]:
            widgets.thumbnail(case, subject.pixels_sha256, width_px=110, alt=say("subject.alt", name=subject.name))
            if test:
                st.caption(say("verdict.mine"))
        if test:
            with places[1]:
                widgets.thumbnail(case, case.replay(test.replay_id).image_sha256, width_px=110,
                                  alt=say("portfolio.closest_alt"))
                st.caption(say("setup.closest"))
        with told:
            open_still = job.state in ("queued", "running", "interrupted")
            under_way = f" · {say(f'state.{job.state}')}" if open_still else ""
            st.markdown(f"**{plain(subject.name)}**{under_way}")
            if finding:
                _answers(case, finding)
                if st.button(say("setup.open"), key=f"setup_open_{subject.id}", icon=":material/arrow_forward:"):
                    state.go("findings", case_id=case.id, subject_id=subject.id)


def _answers(case: Case, finding: Finding) -> None:
    """Both questions with their answers in a few words; the second one where it has been asked."""
    key = f"verdict.{finding.kind}"
    st.markdown(f"{say('verdict.question')} **{say(key) if known(key) else plain(retold(finding.statement))}**")
    asked = case.records(FamiliarityTest, subject_id=finding.subject_id)
    if asked:
        st.markdown(f"{say('familiar.question')} **{known_card.title(asked[-1].finding)}**")


def _anew() -> None:
    """Another test: the decisions stay, what was begun is let go (callback of a button)."""
    here = state.here()
    steps.change(here, steps.choices(here), jobs=(), asked=(), fetch=(), after=(), check="")
    steps.to("decide")
