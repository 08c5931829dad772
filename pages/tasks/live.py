"""A running job on the page that started it: bar, time left, the best so far; redrawn by itself."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer.errors import ExplorerError
from explorer.jobs import launch
from explorer.jobs.job import Job
from explorer.records import Progress
from pages.shared import frame, state, widgets
from pages.shared.texts import minutes, plain, retold, say, task_name
from pages.tasks import submit

_EVERY_S = 1.0
RESULTS_S = 4.0  # how often what a running job has found so far is drawn again, where that is much
LOOP = ("EmbedSubject", "FindNeighbours", "Interrogate", "MeasureSubject", "MeasureFamiliarity",
        "RunSearch")  # "Run it all", in order
MOST_NAMED = 5  # steps that wait, by name


def follow(draw: Callable[[], None], *names: str, every_s: float = _EVERY_S) -> None:
    """Draws now, and again every `every_s` as long as a job of these kinds is under way in the open case."""
    busy = any(j.state != "interrupted" for j in submit.active(state.here(), *names))
    st.fragment(run_every=every_s if busy else None)(frame.guarded(draw))()


def panel(here: state.Here, *names: str) -> None:
    """The jobs of these kinds in the open case: bar and preview, or why one did not end well."""
    jobs = submit.active(here, *names)
    waiting = [j for j in jobs if j.state == "queued"]
    shown = [j for j in jobs if j not in waiting] or waiting[:1]
    for job in shown:
        _job(here, job)
    after = [task_name(j.name) for j in waiting if j not in shown]
    if after:
        st.caption(say("live.after", names=" → ".join(after)) if len(after) <= MOST_NAMED
                   else say("live.after_many", n=len(after)))
    broken = None if jobs else submit.failed(here, *names)
    if broken is None:
        return
    if broken.state == "failed":
        st.error(plain(broken.error) or say("live.failed"), icon=":material/error:")
    else:
        st.info(say("live.held") if broken.held else say("live.cancelled"), icon=":material/cancel:")
    if broken.resumable and not broken.held:
        st.button(say("tray.resume"), key=f"again_{broken.id}", on_click=resume, args=(broken.id,))


def _job(here: state.Here, job: Job) -> None:
    with st.container(border=True):
        st.markdown(f"**{task_name(job.name)}** · {say(f'state.{job.state}')}{_of_which(here, job)}")
        if job.state == "interrupted":
            st.markdown(plain(job.error))
            st.button(say("tray.resume"), key=f"go_on_{job.id}", on_click=resume, args=(job.id,),
                      type="primary")
        elif job.state == "queued":
            st.caption(say("tray.waiting", n=job.position) if job.position else say("tray.next"))
        else:
            _running(job.progress)
        st.button(say("tray.cancel"), key=f"stop_{job.id}", on_click=cancel, args=(job.id,))


def _of_which(here: state.Here, job: Job) -> str:
    """The name of the image that a job is about, where the case has several."""
    subjects = {s.id: s.name for s in here.case.subjects()} if here.case is not None else {}
    name = subjects.get(getattr(job.task, "subject_id", "")) if len(subjects) > 1 else None
    return f" · {plain(name)}" if name else ""


def _running(progress: Progress | None) -> None:
    if progress is None:
        st.caption(say("tray.starting"))
        return
    picture, words = st.columns([1, 4]) if progress.preview_png else (None, st.container())
    with words:
        share = min(1.0, progress.done / progress.total) if progress.total else 0.0
        st.progress(share, text=retold(progress.message) or say("live.under_way"))
        facts = [say("live.done", done=progress.done, total=progress.total)] if progress.total else []
        facts += [say("live.step", step=progress.step, steps=progress.steps)] if progress.steps else []
        left = progress.left_s
        facts += [say("live.left", time=minutes(left))] if left is not None else []
        st.caption(" · ".join(facts))
    if picture is not None:
        with picture:
            widgets.picture(progress.preview_png, alt=say("live.preview_alt"), width_px=128)
            st.caption(say("live.preview"))


def cancel(job_id: str) -> None:
    """Cancels a job (callback of a button)."""
    here = state.here()
    launch.cancel(here.settings, job_id, person=here.person)


def cancel_all(job_ids: tuple[str, ...]) -> None:
    """Cancels jobs, the last of a chain first (callback of a button)."""
    for job_id in reversed(job_ids):
        cancel(job_id)


def resume(job_id: str) -> None:
    """Puts a job back on the queue (callback of a button)."""
    here = state.here()
    here.queue.resume(job_id)
    launch.ensure_workers(here.settings)


def follow_job(draw: Callable[[], None], job_id: str) -> None:
    """Draws now, and again every second until the job has ended."""
    here = state.here()
    waiting = bool(job_id) and any(j.id == job_id for j in here.queue.active())
    st.fragment(run_every=_EVERY_S if waiting else None)(frame.guarded(draw))()


def one(here: state.Here, job_id: str) -> None:
    """How one job stands: under way, or why it did not end well."""
    try:
        job = here.queue.get(job_id)
    except ExplorerError:
        return
    if job.state in ("queued", "running", "interrupted"):
        _job(here, job)
    elif job.state == "failed":
        st.error(plain(job.error) or say("live.failed"), icon=":material/error:")
    elif job.state == "cancelled":
        st.info(plain(job.error) or say("live.cancelled"), icon=":material/cancel:")
