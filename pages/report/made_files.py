"""Files to take away: reports and packages that were made, each named with its SHA-256."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.jobs.job import Job
from explorer.jobs.tasks import ExportCase, WriteReport
from pages.shared.state import Here
from pages.shared.texts import plain, say

_SHOWN = 4


def made(here: Here) -> None:
    """The newest reports and packages of this case; a download's name carries its SHA-256."""
    done = here.queue.recent(limit=100, case_id=here.open_case.id, states=("done",))
    for job in [j for j in done if isinstance(j.task, (ExportCase, WriteReport)) and j.result][:_SHOWN]:
        _one(job)


def _one(job: Job) -> None:
    path, digest = Path(job.result["path"]), str(job.result.get("sha256", ""))
    if not path.is_file():
        st.caption(say("report.gone", path=plain(str(path))))
        return
    with st.container(border=True):
        if isinstance(job.task, WriteReport):
            st.markdown(say("report.written", path=str(path), sha=digest, entry=job.result["head_entry"]))
        else:
            st.markdown(say("report.made", path=str(path), sha=digest))
        named = path.name if digest[:12] in path.stem else f"{path.stem}-{digest[:12]}{path.suffix}"
        st.download_button(say("report.download"), path.read_bytes, icon=":material/download:",
                           file_name=named, on_click="ignore", key=f"download_{job.id}")
