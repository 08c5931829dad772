"""The agreed plan on the screen: load a signed file, see who signed it, print it, and see which runs kept to it."""

from __future__ import annotations

import streamlit as st

from explorer.evidence.agreed_plan import SignedPlan
from explorer.evidence.plan_on_record import agreed, judged, plan_notes, put_plan, run_line, signers
from explorer.report.notice import write_notice
from pages.shared import state
from pages.shared.texts import plain, say


def draw(now: state.Here) -> None:
    """The case's plan, or the place to load one."""
    case = now.open_case
    signed = agreed(case)
    with st.expander(say("agreed.title"), icon=":material/handshake:", expanded=signed is not None):
        if signed is None:
            st.markdown(say("agreed.text"))
        else:
            _told(now, signed)
        if not case.read_only:
            _load(now, another=signed is not None)


def _load(now: state.Here, *, another: bool) -> None:
    file = st.file_uploader(say("agreed.another" if another else "agreed.file"), type=["json"], key="agreed_file")
    if file and st.button(say("agreed.load"), type="primary", icon=":material/task_alt:"):
        put_plan(now.open_case, file.getvalue())
        st.rerun()


def _told(now: state.Here, signed: SignedPlan) -> None:
    plan = signed.plan
    unknown = [m.name for m in plan.models if not m.fingerprint]
    if unknown:
        st.title(say("notice.unknown"), anchor=False)
        st.warning(plain(say("notice.unknown_text", names=", ".join(unknown))), icon=":material/help:")
    st.markdown(f"**{plain(plan.question)}**")
    st.markdown(plain(say("note.plan.signed", sha=plan.sha256, by=signers(signed))))
    runs = judged(now.open_case)
    for told in plan_notes(now.open_case, runs):
        st.warning(plain(told), icon=":material/info:")
    lines = [f"- {plain(run_line(one))}" for one in runs]
    st.markdown("\n".join(lines) or say("agreed.no_runs"))
    st.download_button(say("agreed.notice"), lambda: write_notice(signed), icon=":material/print:", key="notice",
                       file_name=f"notice-{plan.sha256[:12]}.html", mime="text/html", on_click="ignore")
