"""Open a package by drop: it is kept under its SHA-256, checked by a worker, and opens as a read-only case."""

from __future__ import annotations

import hashlib

import streamlit as st

from explorer.jobs.tasks import ImportPackage
from pages.shared import state
from pages.shared.texts import say
from pages.tasks import live, submit


def drop(now: state.Here) -> None:
    """The drop zone, and how the newest import stands."""
    file = st.file_uploader(say("cases.drop_package"), type=["zip"], key="package")
    expect = st.text_input(say("cases.expect"), key="expect")
    if file and st.button(say("cases.open_go"), type="primary"):
        data = file.getvalue()
        folder = now.settings.home / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{hashlib.sha256(data).hexdigest()}.zip"
        target.write_bytes(data)
        state.remember(opening=submit.submit(now, ImportPackage(str(target), expect.strip())))
        st.rerun()
    live.follow_job(_opening, state.remembered("opening"))


def _opening() -> None:
    job_id = state.remembered("opening")
    if not job_id:
        return
    here = state.here()
    result = submit.result_of(here, job_id)
    if result is None:
        live.one(here, job_id)
    else:
        state.remember(opening="")
        state.go("findings", case_id=result["case_id"])
