"""Report: HTML or PDF for a lay reader, an A4 sheet of one replay, and a package that another expert can check."""

from __future__ import annotations

import streamlit as st

from explorer.evidence.counsel_said import TOLD, counsel_cases
from explorer.images.decode import open_image, png_bytes
from explorer.jobs.tasks import ExportCase, WriteReport
from pages.report import made_files, sheet_form
from pages.shared import loop_path, speech, state, upload
from pages.shared.texts import plain, say
from pages.tasks import live, submit

now = loop_path.head("report")


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


def _counsel() -> None:
    """Whether the case says that there is work for counsel only; asked only where there is."""
    case = now.open_case
    if case.read_only or not counsel_cases(now.store) or now.store.is_counsel_only(case.id):
        return
    before = bool(case.get(TOLD))
    told = st.toggle(say("counsel.tell"), before, help=say("counsel.tell_help"), key="counsel_told")
    if told != before:
        case.set(TOLD, told)
        st.rerun()


def _write() -> str:
    """The report's choices, and where its button is; returns the name of who prepares it."""
    kind, detail = st.columns(2)
    chosen = kind.segmented_control(say("report.kind"), ("html", "pdf"), default="html", required=True,
                                    format_func=lambda k: say(f"kind.{k}"), key="kind")
    how = detail.segmented_control(say("report.detail"), ("full", "short"), default="full", required=True,
                                   format_func=lambda d: say(f"detail.{d}"), key="detail")
    name, logo = st.columns(2)
    by = name.text_input(say("report.prepared_by"), key="prepared_by", max_chars=120)
    file = logo.file_uploader(say("report.logo"), type=upload.TYPES, key="logo")

    def button(again: bool) -> None:
        if st.button(say("report.again" if again else "report.go"), type="secondary" if again else "primary",
                     icon=":material/description:", key="write_report"):
            logo_png = png_bytes(open_image(file.getvalue(), name=file.name).rgb) if file else b""
            blob = now.open_case.put_blob(logo_png) if logo_png else ""
            submit.submit(now, WriteReport(now.open_case.id, chosen, how, by.strip(), blob,
                                           language=speech.written()))
            st.rerun()

    live.follow(lambda: made_files.instead_of_button(state.here(), made_files.is_report, button), "WriteReport")
    return by


def _export(_again: bool) -> None:
    if st.button(say("report.export"), icon=":material/inventory_2:",
                 disabled=bool(submit.active(now, "ExportCase"))):
        submit.submit(now, ExportCase(now.open_case.id))
        st.rerun()


def _log() -> None:
    """The head to keep, and the newest entries."""
    case, (seq, head) = now.open_case, now.open_case.head()
    with st.expander(say("report.log", n=seq), icon=":material/history:"):
        st.markdown(say("report.head", head=head, seq=seq))
        st.caption(say("report.head_text"))
        entries = case.log(after=max(0, seq - 40))
        st.markdown("\n".join([say("report.log_table"), "|---:|---|---|---|", *(
            f"| {e.seq} | {e.time[:19]} | {plain(e.kind)} | `{e.hash[:12]}` |" for e in reversed(entries))]))


if upload.needed(now, "report"):
    _facts()
    _counsel()
    st.header(say("report.write"), anchor=False)
    by_name = _write()
    st.header(say("sheet_form.title"), anchor=False)
    live.follow(lambda: made_files.instead_of_button(
        state.here(), made_files.is_sheet, lambda _: sheet_form.draw(now, by_name)), "WriteReport")
    st.header(say("report.package"), anchor=False)
    st.markdown(say("report.contents", subjects=len(now.open_case.subjects()),
                    replays=now.open_case.count_replays(), exhibits=now.open_case.count_replays(exhibits=True),
                    entries=now.open_case.head()[0]))
    live.follow(lambda: made_files.instead_of_button(state.here(), made_files.is_package, _export), "ExportCase")
    _log()
