"""The one page that says what will happen: what is fetched, how long it takes by a timed replay, what it shows."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.jobs import launch
from explorer.jobs.timings import timing_of
from explorer.records import ModelInfo, from_json
from explorer.setup import start
from explorer.setup.choices import Choices, Needed, needed
from explorer.setup.setup_plan import SetupPlan, plan
from pages.setup import decisions, setup_pictures, steps
from pages.shared import state
from pages.shared.state import Here
from pages.shared.texts import minutes, plain, say, size
from pages.tasks import live, submit


def draw(now: Here) -> None:
    """The plan as far as it can be told, and the button for what comes next: fetching, or the start."""
    found = steps.choices(now)
    need = needed(found, now.settings)
    info = _info(now, found, need)
    if need.model_here and need.clip_here and timing_of(info, now.settings) is None and _idle(now, found):
        found = _fetch(now, found, need)  # everything is here: timing it asks nothing of anybody
    check, case = setup_pictures.check_of(now, found), setup_pictures.own_case(now)
    count = len(case.subjects()) if case else 0
    told = plan(found, need, info, check, works=count, settings=now.settings)
    if not (need.model_here and need.clip_here):
        _fetching(now, found, need)
    if found.fetch:
        _under_way(found)
    _figures(told)
    if check is not None:
        setup_pictures.fitting(check, works=case is not None)
    _go(now, found, need, told)


def _info(now: Here, found: Choices, need: Needed) -> ModelInfo | None:
    """The model's facts, from the job that timed it or looked at it."""
    for job_id in reversed(found.fetch):
        told = submit.result_of(now, job_id)
        if told and "info" in told:
            return from_json(ModelInfo, told["info"])
    return submit.model_info(now, found.model) if need.model_here else None


def _idle(now: Here, found: Choices) -> bool:
    """Whether nothing is under way, and nothing failed that a person should look at first."""
    return all(j.state == "done" for j in start.jobs_of(found, now.queue))


def _fetch(now: Here, found: Choices, need: Needed) -> Choices:
    found = steps.keep(now, start.fetch_and_time(found, need, now.queue))
    launch.ensure_workers(now.settings)
    return found


def _fetching(now: Here, found: Choices, need: Needed) -> None:
    """What has to be fetched, from where, and the button for it."""
    wanted = size(need.fetch_bytes) if need.fetch_bytes else say("setup.size_unknown")
    parts = [] if need.model_here else [plain(found.known.name if found.known else found.model)]
    parts += [] if need.clip_here else [plain(need.clip_name)]
    st.markdown(say("setup.fetch", what=say("setup.and").join(parts), size=wanted))
    if now.settings.offline:
        st.caption(say("setup.fetch_offline"))
    busy = any(not j.ended for j in start.jobs_of(found, now.queue))
    if not busy and st.button(say("setup.fetch_go"), type="primary", icon=":material/download:", key="setup_fetch"):
        _fetch(now, found, need)
        st.rerun()


def _under_way(found: Choices) -> None:
    """The fetches and the timed replay, each with its bar; the page is drawn anew once they have ended."""
    shown = found.fetch

    def follow() -> None:
        here = state.here()
        jobs = start.jobs_of(found, here.queue)
        for job in jobs:
            if not job.held:
                live.one(here, job.id)
        if all(j.ended for j in jobs) and st.session_state.get("setup_fetched") != shown:
            st.session_state["setup_fetched"] = shown
            st.rerun()
        if any(j.state in ("failed", "interrupted") for j in jobs):
            st.button(say("tray.resume"), key="setup_fetch_again", on_click=resume)

    live.follow_job(follow, shown[-1])


def resume() -> None:
    """Puts what stopped back on the queue (callback of a button)."""
    here = state.here()
    start.resume(steps.choices(here), here.queue)
    launch.ensure_workers(here.settings)


def _figures(told: SetupPlan) -> None:
    """The table of what will happen, in the order in which it does."""
    st.subheader(say("setup.will_happen"), anchor=False)
    if told.work_s:
        st.markdown(say("setup.one_picture", time=minutes(told.work_s), seeds=told.policy.seeds,
                        replay=minutes(told.replay_s), steps=told.policy.steps,
                        guidance=f"{told.policy.guidance:g}", px=told.policy.size_px))
        _table(told)
    else:
        st.markdown(say("setup.not_timed", n=told.controls, works=told.works))
    fetch = say("setup.disk_fetch", size=size(told.fetch_bytes)) if told.fetch_bytes else ""
    st.markdown(say("setup.disk", fetch=fetch, kept=size(told.results_bytes), free=size(told.free_bytes)))
    if told.ranked:
        st.markdown(say("setup.smallest", n=told.ranked, p=f"{told.smallest_p:.3f}"))
    if told.work_s and not told.asks_known:
        st.caption(say("setup.no_known"))
    st.caption(say("setup.not_now"))


def _table(told: SetupPlan) -> None:
    """Each part with its time."""
    rows = [(say("setup.row_once"), minutes(told.once_s)),
            (say("setup.row_controls", n=told.controls), minutes(told.controls_s)),
            (say("setup.row_calibration"), say("setup.seconds")),
            *([(say("setup.row_works", n=told.works), minutes(told.works_s))] if told.works else []),
            *([(say("setup.row_known", n=told.works), minutes(told.known_s))] if told.asks_known else []),
            (f"**{say('setup.row_total')}**", f"**{minutes(told.total_s)}**")]
    st.markdown("\n".join([say("setup.rows_head"), "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]))


def _go(now: Here, found: Choices, need: Needed, told: SetupPlan) -> None:
    """What is missing, or the start."""
    if not told.fits_on_disk:
        st.error(say("setup.no_room"), icon=":material/hard_drive:")
    for sentence in told.missing:
        st.info(plain(sentence), icon=":material/pending:")
    if not told.missing and told.work_s:
        effort = st.radio(say("setup.effort"), decisions.EFFORTS, decisions.EFFORTS.index(found.seeds),
                          key="setup_seeds_here", format_func=lambda n: _at(now, found, need, n), horizontal=True)
        if effort != found.seeds:
            steps.change(now, found, seeds=effort)
            st.rerun()
    with st.container(horizontal=True):
        if st.button(say("setup.start"), type="primary", icon=":material/play_arrow:", key="setup_start",
                     disabled=bool(told.missing) or not told.fits_on_disk):
            _start(now, found, need, told)
        st.button(say("setup.back"), on_click=steps.to, args=("decide",), key="setup_back")


def _at(now: Here, found: Choices, need: Needed, seeds: int) -> str:
    """An effort with the time that it would take."""
    other = plan(replace(found, seeds=seeds), need, _info(now, found, need), setup_pictures.check_of(now, found),
                 works=len(now.open_case.subjects()), settings=now.settings)
    return say("setup.effort_at", n=seeds, time=minutes(other.total_s))


def _start(now: Here, found: Choices, need: Needed, told: SetupPlan) -> None:
    info = _info(now, found, need)
    subjects = tuple(s.id for s in now.open_case.subjects())
    steps.keep(now, start.begin(found, told.policy, subjects, now.queue, now.settings,
                                model=info.source if info else found.model, clip=need.clip,
                                known=subjects if told.asks_known else ()))
    launch.ensure_workers(now.settings)
    st.rerun()
