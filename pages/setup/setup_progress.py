"""How far the test is: controls, then each work with a way to what was found; it goes on by itself."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.calibration import Calibration, words
from explorer.findings.finding import Finding, Measured
from explorer.jobs.job import Job
from explorer.setup import start
from pages.setup import outlook, steps
from pages.shared import state, widgets
from pages.shared.state import Here
from pages.shared.texts import plain, retold, say
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
    done = sum(j.state == "done" for j in jobs[1:])
    st.markdown(say("setup.running", done=done, n=len(jobs) - 1) if done < len(jobs) - 1
                else say("setup.finished", n=len(jobs) - 1))
    for job in jobs:
        if job.state in ("running", "interrupted", "failed") and not job.held:
            live.one(here, job.id)
    if any(j.resumable and not j.held for j in jobs):
        st.button(say("tray.resume"), type="primary", key="setup_resume", on_click=outlook.resume)
    if any(not j.ended for j in jobs):
        st.caption(say("setup.close"))
    case = here.store.open(found.case)
    _calibration(case)
    for job in jobs[1:]:
        _work(case, job)
    case.close()


def _calibration(case: Case) -> None:
    known = case.records(Calibration)
    if known:
        with st.container(border=True):
            st.markdown(f"**{say('setup.calibration')}**")
            st.markdown(plain(retold(words(known[-1]))))


def _work(case: Case, job: Job) -> None:
    """One work: waiting, under way, or what was found with a way to it."""
    subject = case.subject(job.task.subject_id)
    test = next((t for t in reversed(case.records(Measured, subject_id=subject.id)) if t.id == job.task.search_id),
                None)
    finding = case.record(Finding, test.id) if test else None
    with st.container(border=True):
        mine, theirs, told = st.columns([1, 1, 4], vertical_alignment="center")
        with mine:
            widgets.thumbnail(case, subject.pixels_sha256, width_px=110, alt=say("subject.alt", name=subject.name))
        if test:
            with theirs:
                widgets.thumbnail(case, case.replay(test.replay_id).image_sha256, width_px=110,
                                  alt=say("portfolio.closest_alt"))
        with told:
            open_still = job.state in ("queued", "running", "interrupted")
            under_way = f" · {say(f'state.{job.state}')}" if open_still else ""
            st.markdown(f"**{plain(subject.name)}**{under_way}")
            if finding:
                st.markdown(plain(retold(finding.statement)))
                if st.button(say("setup.open"), key=f"setup_open_{subject.id}", icon=":material/arrow_forward:"):
                    state.go("findings", case_id=case.id, subject_id=subject.id)


def _anew() -> None:
    """Another test: the decisions stay, what was begun is let go (callback of a button)."""
    here = state.here()
    steps.change(here, steps.choices(here), jobs=(), fetch=(), after=(), check="")
    steps.to("decide")
