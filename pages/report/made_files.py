"""Files to take away: reports, sheets and packages, each where its button was, to save under its SHA-256."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from explorer.jobs.job import Job
from explorer.jobs.task import Task
from explorer.jobs.tasks import ExportCase, WriteReport
from pages.shared.state import Here
from pages.shared.texts import plain, say
from pages.tasks import live

_SHOWN = 3
Kind = Callable[[Task], bool]


def is_report(task: Task) -> bool:
    return isinstance(task, WriteReport) and not task.replay_id


def is_sheet(task: Task) -> bool:
    return isinstance(task, WriteReport) and bool(task.replay_id)


def is_package(task: Task) -> bool:
    return isinstance(task, ExportCase)


def instead_of_button(here: Here, mine: Kind, button: Callable[[bool], None]) -> None:
    """The job under way; else the newest files of this kind, and `button`, which is told whether there is one."""
    jobs = [j for j in here.queue.recent(limit=100, case_id=here.open_case.id) if mine(j.task)]
    if jobs and jobs[0].state != "done":
        live.one(here, jobs[0].id)
    if jobs and jobs[0].state in ("queued", "running"):
        return
    done = [j for j in jobs if j.state == "done" and j.result]
    for job in done[:_SHOWN]:
        _one(job)
    button(bool(done))


def _one(job: Job) -> None:
    path, digest = Path(job.result["path"]), str(job.result.get("sha256", ""))
    if not path.is_file():
        st.caption(say("report.gone", path=plain(str(path))))
        return
    with st.container(border=True):
        st.markdown(_told(job))
        save, data = st.columns(2)
        named = path.name if digest[:12] in path.stem else f"{path.stem}-{digest[:12]}{path.suffix}"
        save.download_button(say("report.download"), path.read_bytes, icon=":material/download:", type="primary",
                             file_name=named, on_click="ignore", key=f"download_{job.id}")
        beside = Path(str(job.result.get("data_path") or ""))
        if beside.is_file():
            data.download_button(say("report.data"), beside.read_bytes, icon=":material/data_object:",
                                 file_name=beside.name, mime="application/json", on_click="ignore",
                                 key=f"data_{job.id}", help=say("report.data_help"))
        with st.expander(say("report.where"), icon=":material/folder:"):
            st.markdown(say("report.file", path=plain(str(path)), sha=digest))


def _told(job: Job) -> str:
    if isinstance(job.task, ExportCase):
        return say("made.package")
    kind = "sheet" if job.task.replay_id else job.task.kind
    return say(f"made.{kind}", entry=job.result["head_entry"])
