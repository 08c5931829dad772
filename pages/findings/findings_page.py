"""Findings: the answer first; folded below it how it was tested, what was tried, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from pages.findings import (
    answers,
    familiarity_panel,
    findings_panel,
    likelihood_panel,
    measured_panel,
    planes,
    which_panel,
)
from pages.prompt import signals_panel
from pages.shared import loop_path, upload
from pages.shared.texts import say

now = loop_path.head("findings")

if upload.needed(now, "findings"):
    case, subject = now.case, now.subject
    answers.panel()
    measured_panel.panel(case, subject)
    familiarity_panel.panel(case, subject)
    if likelihood_panel.has(case, subject):
        with st.expander(say("likelihood.title"), icon=":material/balance:"):
            likelihood_panel.panel(case, subject)
    which_panel.panel(case, subject)
    if case.count_replays(subject.id):
        with st.expander(say("answer.tried"), icon=":material/history:"):
            findings_panel.tried(case, subject)
        with st.expander(say("findings.words"), icon=":material/chat:"):
            findings_panel.brought(case, subject)
        with st.expander(say("answer.bits"), icon=":material/receipt_long:"):
            st.markdown(say("replay.bits_text"))
            planes.plane(case, subject, score=findings_panel.SCORE, key=f"plane_{subject.id}")
    if signals_panel.has(case, subject):
        with st.expander(say("answer.signals"), icon=":material/psychology:"):
            signals_panel.panel(case, subject)
    st.header(say("findings.theft"), anchor=False)
    shows, cannot = st.columns(2, gap="large")
    shows.markdown(say("findings.shows"))
    cannot.markdown(say("findings.cannot"))
    st.caption(say("findings.controls"))
