"""Findings: what the numbers say together, what was supplied, what was tried, and what it cannot show."""

from __future__ import annotations

import streamlit as st

from pages.components import begin, findings, measured, path, planes, portfolio, signals, widgets
from pages.components.texts import say

now = path.head("findings")

if begin.needed(now, "findings"):
    case, subject = now.case, now.subject
    portfolio.caution(case, subject)
    measured.panel(case, subject)
    if not case.count_replays(subject.id):
        widgets.empty("findings")
    else:
        st.header(say("findings.all"), anchor=False)
        st.caption(say("findings.all_text"))
        findings.statement(case, subject)
        findings.pair(case, subject)
        findings.brought(case, subject)
        st.markdown(say("replay.bits_text"))
        planes.plane(case, subject, score=findings.SCORE, key=f"plane_{subject.id}")
        findings.effort(case, subject)
    signals.panel(case, subject)
    st.header(say("findings.theft"), anchor=False)
    shows, cannot = st.columns(2, gap="large")
    shows.markdown(say("findings.shows"))
    cannot.markdown(say("findings.cannot"))
    st.info(say("findings.controls"), icon=":material/science:")
