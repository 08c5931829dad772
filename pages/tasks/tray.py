"""The job tray on every page: what runs, what waits, how long it will take, cancel and resume."""

from __future__ import annotations

import streamlit as st

from explorer.jobs import launch
from explorer.jobs.job import Job
from explorer.settings import Settings
from pages.shared import frame, state
from pages.shared.texts import minutes, retold, say, task_name
from pages.tasks import live

_SHOWN = 5
_IDLE_S = 15.0  # a job begun in another tab shows after this at the latest
_ICONS = {"done": "check_circle", "failed": "error", "cancelled": "cancel", "interrupted": "pause_circle"}


def draw() -> None:
    """Draws the tray into the sidebar; it looks again every second while a job of one's own is under way."""
    here = state.here()
    _taken_up(str(here.settings.database), here.settings)
    busy = here.queue.active()
    st.session_state["tray_seen"] = _states(here)
    every_s = 1.0 if busy else _IDLE_S
    with st.sidebar:
        st.fragment(run_every=every_s)(frame.guarded(_tray))()


@st.cache_resource(show_spinner=False)
def _taken_up(database: str, _settings: Settings) -> list[str]:
    """Once while this server runs: what was under way when the app ended goes on by itself."""
    return launch.take_up(_settings)


def _states(here: state.Here) -> dict[str, str]:
    return {j.id: j.state for j in here.queue.recent(limit=30)}


def _tray() -> None:
    here = state.here()
    launch.tend(here.settings)
    _announce(here)
    jobs = [j for j in here.queue.active() if j.state != "interrupted" or j.resumable]
    st.markdown(f"**{say('tray.title')}**")
    if not jobs:
        st.caption(say("tray.idle"))
    for job in list(reversed(jobs))[:_SHOWN]:
        _row(here, job)
    if len(jobs) > _SHOWN:
        st.caption(say("tray.more", n=len(jobs) - _SHOWN))
        st.button(say("tray.cancel_all", n=len(jobs)), key="cancel_all", on_click=live.cancel_all,
                  args=(tuple(j.id for j in reversed(jobs)),))


def _announce(here: state.Here) -> None:
    """A finished job says so once, and the page is drawn again with what it found."""
    before, now = st.session_state.get("tray_seen", {}), _states(here)
    if before == now:
        return
    st.session_state["tray_seen"] = now
    for job_id, job_state in now.items():
        if before.get(job_id, job_state) != job_state and job_state in _ICONS:
            name = task_name(here.queue.get(job_id).name)
            st.toast(say(f"tray.{job_state}", name=name), icon=f":material/{_ICONS[job_state]}:")
    st.rerun()


def _row(here: state.Here, job: Job) -> None:
    name, progress = task_name(job.name), job.progress
    with st.container(border=True, gap="small"):
        st.markdown(f"**{name}**")
        if job.state == "running" and progress and progress.total:
            st.progress(min(1.0, progress.done / progress.total), text=_line(job))
        else:
            st.caption(_line(job))
        with st.container(horizontal=True):
            if job.state == "interrupted":
                st.button(say("tray.resume"), key=f"resume_{job.id}", on_click=live.resume, args=(job.id,))
            st.button(say("tray.cancel"), key=f"cancel_{job.id}", on_click=live.cancel, args=(job.id,),
                      disabled=job.cancel_asked and job.state == "running")


def _line(job: Job) -> str:
    if job.state == "interrupted":
        return say("tray.interrupted_line")
    if job.state == "queued":
        return say("tray.waiting", n=job.position) if job.position else say("tray.next")
    if job.cancel_asked:
        return say("tray.ending")
    progress = job.progress
    if progress is None:
        return say("tray.starting")
    if not progress.total:
        return retold(progress.message) or say("tray.starting")
    if progress.left_s is None:
        return say("tray.progress", done=progress.done, total=progress.total)
    return say("tray.progress_left", done=progress.done, total=progress.total, left=minutes(progress.left_s))
