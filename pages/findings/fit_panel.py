"""Whether the controls fit a case's works: looked at by a worker at once, before hours are spent on a test."""

from __future__ import annotations

import streamlit as st

from explorer.findings.control_check import ControlCheck
from explorer.jobs import launch
from explorer.jobs.job import Job
from explorer.jobs.tasks import CheckControls
from explorer.records import from_json
from pages.shared import state
from pages.shared.texts import plain, retold, say
from pages.tasks import live


def draw(now: state.Here, controls: str) -> None:
    """What is found; asks a worker once where nothing is known of these works and controls ("": none chosen)."""
    if not controls:
        return
    job = _job(now, controls)
    if job is None:
        launch.submit(now.settings, CheckControls(controls, now.open_case.id), owner=now.person)
    live.follow(lambda: _told(controls), "CheckControls")


def _told(controls: str) -> None:
    here = state.here()
    job = _job(here, controls)
    if job is None or job.state in ("queued", "running"):
        st.caption(say("fit.looking"))
    elif job.state == "done":
        said(from_json(ControlCheck, job.result))
    else:
        live.one(here, job.id)


def _job(here: state.Here, controls: str) -> Job | None:
    """The newest look at these controls for all works that the case has now."""
    names = {s.name for s in here.open_case.subjects()}
    for job in here.queue.recent(limit=200):
        task = job.task
        if isinstance(task, CheckControls) and (task.controls, task.case) == (controls, here.open_case.id):
            seen = {w["name"] for w in job.result["works"]} if job.state == "done" and job.result else names
            return job if seen == names else None
    return None


def said(check: ControlCheck) -> None:
    """The check in one sentence, with the works that the controls do not fit."""
    works, fitting = len(check.works), check.fitting
    if not check.set_fits:
        st.warning(say("fit.set_no", why=plain(retold(check.set_why))), icon=":material/balance:")
    elif fitting == works:
        st.success(say("fit.all", works=works, ranked=check.ranked), icon=":material/check_circle:")
    else:
        st.warning(say("fit.some", fitting=fitting, works=works), icon=":material/balance:")
    left = [w for w in check.works if not w.fits]
    if left and check.set_fits:
        with st.expander(say("fit.which", n=len(left)), icon=":material/list:"):
            st.markdown("\n".join(f"- {plain(w.name)}: {plain(retold(w.why))}" for w in left))
