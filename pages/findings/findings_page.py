"""Findings: what the numbers say together, what was supplied, what was tried, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from pages.findings import familiarity_panel, findings_panel, measured_panel, planes, portfolio_panel
from pages.prompt import signals_panel
from pages.shared import loop_path, upload, widgets
from pages.shared.texts import say

now = loop_path.head("findings")

if upload.needed(now, "findings"):
    case, subject = now.case, now.subject
    portfolio_panel.caution(case, subject)
    measured_panel.panel(case, subject)
    familiarity_panel.panel(case, subject)
    if not case.count_replays(subject.id):
        widgets.empty("findings")
    else:
        st.header(say("findings.all"), anchor=False)
        st.caption(say("findings.all_text"))
        findings_panel.statement(case, subject)
        findings_panel.pair(case, subject)
        findings_panel.brought(case, subject)
        st.markdown(say("replay.bits_text"))
        planes.plane(case, subject, score=findings_panel.SCORE, key=f"plane_{subject.id}")
        findings_panel.effort(case, subject)
    signals_panel.panel(case, subject)
    st.header(say("findings.theft"), anchor=False)
    shows, cannot = st.columns(2, gap="large")
    shows.markdown(say("findings.shows"))
    cannot.markdown(say("findings.cannot"))
    st.info(say("findings.controls"), icon=":material/science:")
