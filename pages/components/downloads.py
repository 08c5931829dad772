"""Files to take away: packages that were exported, each named with its SHA-256."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.jobs.tasks import ExportCase
from pages.components.state import Here
from pages.components.texts import plain, say

_SHOWN = 4


def exports(here: Here) -> None:
    """The newest packages of this case; the download's name carries its SHA-256."""
    done = here.queue.recent(limit=100, case_id=here.open_case.id, states=("done",))
    made = [j.result for j in done if isinstance(j.task, ExportCase) and j.result]
    for result in made[:_SHOWN]:
        path, digest = Path(result["path"]), str(result.get("sha256", ""))
        if not path.is_file():
            st.caption(say("report.gone", path=plain(str(path))))
            continue
        st.markdown(say("report.made", path=str(path), sha=digest))
        if st.toggle(say("report.prepare"), key=f"prepare_{digest[:16]}"):
            st.download_button(say("report.download"), path.read_bytes(), icon=":material/download:",
                               file_name=f"{path.stem}-{digest[:12]}{path.suffix}", on_click="ignore",
                               key=f"download_{digest[:16]}")
