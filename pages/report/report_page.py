"""Report: HTML or PDF for a lay reader, and a package that another expert can check; what goes into both."""

from __future__ import annotations

import streamlit as st

from explorer.images.decode import open_image, png_bytes
from explorer.jobs.tasks import ExportCase, WriteReport
from pages.report import made_files
from pages.shared import loop_path, speech, state, upload
from pages.shared.texts import plain, say
from pages.tasks import live, submit

now = loop_path.head("report")
TASKS = ("WriteReport", "ExportCase")


def _facts() -> None:
    """Title, case number and question: they stand on the report's first page."""
    case, facts = now.open_case, now.open_case.facts()
    with st.form("facts", border=False):
        title = st.text_input(say("case.title"), facts.get("title", ""))
        number = st.text_input(say("case.number"), facts.get("case_number", ""))
        question = st.text_area(say("case.question"), facts.get("question", ""), height=80)
        if st.form_submit_button(say("report.keep"), disabled=case.read_only):
            for key, value in (("title", title), ("case_number", number), ("question", question)):
                if value.strip() != facts.get(key, ""):
                    case.set_meta(key, value.strip())
            st.rerun()


def _write() -> None:
    """The report's choices and the button that puts it on the queue."""
    kind, detail = st.columns(2)
    chosen = kind.segmented_control(say("report.kind"), ("html", "pdf"), default="html", required=True,
                                    format_func=lambda k: say(f"kind.{k}"), key="kind")
    how = detail.segmented_control(say("report.detail"), ("full", "short"), default="full", required=True,
                                   format_func=lambda d: say(f"detail.{d}"), key="detail")
    name, logo = st.columns(2)
    by = name.text_input(say("report.prepared_by"), key="prepared_by", max_chars=120)
    file = logo.file_uploader(say("report.logo"), type=upload.TYPES, key="logo")
    if st.button(say("report.go"), type="primary", icon=":material/description:"):
        blob = now.open_case.put_blob(png_bytes(open_image(file.getvalue(), name=file.name).rgb)) if file else ""
        submit.submit(now, WriteReport(now.open_case.id, chosen, how, by.strip(), blob,
                                       language=speech.written()))
        st.rerun()


def _made() -> None:
    here = state.here()
    live.panel(here, *TASKS)
    made_files.made(here)


if upload.needed(now, "report"):
    case, (seq, head) = now.case, now.case.head()
    _facts()
    st.markdown(say("report.contents", subjects=len(case.subjects()), replays=case.count_replays(),
                    exhibits=case.count_replays(exhibits=True), entries=seq))
    st.markdown(say("report.head", head=head, seq=seq))
    st.caption(say("report.head_text"))
    st.header(say("report.write"), anchor=False)
    _write()
    st.caption(say("report.same"))
    st.header(say("report.package"), anchor=False)
    if st.button(say("report.export"), icon=":material/inventory_2:",
                 disabled=bool(submit.active(now, "ExportCase"))):
        submit.submit(now, ExportCase(case.id))
        st.rerun()
    live.follow(_made, *TASKS)
    with st.expander(say("report.log", n=seq), icon=":material/history:"):
        st.caption(say("report.log_text"))
        entries = case.log(after=max(0, seq - 40))
        st.markdown("\n".join([say("report.log_table"), "|---:|---|---|---|", *(
            f"| {e.seq} | {e.time[:19]} | {plain(e.kind)} | `{e.hash[:12]}` |" for e in reversed(entries))]))
