"""Report: the case as a package that another person can check, and what goes into it."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import ExportCase
from pages.components import begin, downloads, live, path, state, work
from pages.components.texts import plain, say

now = path.head("report")


def _made() -> None:
    here = state.here()
    live.panel(here, "ExportCase")
    downloads.exports(here)


if begin.needed(now, "report"):
    case, subject = now.case, now.subject
    facts = case.meta()
    with st.form("facts", border=False):
        title = st.text_input(say("case.title"), facts.get("title", ""))
        number = st.text_input(say("case.number"), facts.get("case_number", ""))
        question = st.text_area(say("case.question"), facts.get("question", ""), height=80)
        if st.form_submit_button(say("report.keep")):
            for key, value in (("title", title), ("case_number", number), ("question", question)):
                if value.strip() != facts.get(key, ""):
                    case.set_meta(key, value.strip())
            st.rerun()
    seq, head = case.head()
    st.markdown(say("report.contents", subjects=len(case.subjects()), replays=case.count_replays(),
                    exhibits=case.count_replays(exhibits=True), entries=seq))
    st.markdown(say("report.head", head=head, seq=seq))
    st.caption(say("report.head_text"))
    if st.button(say("report.export"), type="primary", icon=":material/inventory_2:",
                 disabled=bool(work.active(now, "ExportCase"))):
        work.submit(now, ExportCase(case.id))
        st.rerun()
    live.follow(_made, "ExportCase")
    with st.expander(say("report.log", n=seq), icon=":material/history:"):
        st.caption(say("report.log_text"))
        entries = case.log(after=max(0, seq - 40))
        st.markdown("\n".join([say("report.log_table"), "|---:|---|---|---|", *(
            f"| {e.seq} | {e.time[:19]} | {plain(e.kind)} | `{e.hash[:12]}` |" for e in reversed(entries))]))
