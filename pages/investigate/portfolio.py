"""Portfolio: many works of one person, each put through the same effort and listed by how close it came."""

from __future__ import annotations

import streamlit as st

from explorer.findings.works import works_of
from pages.components import begin, live, portfolio, state
from pages.components.texts import plain, say

now = state.here()
st.title(say("portfolio.title"))
st.markdown(say("portfolio.lead"))

if not portfolio.needed(now):
    begin.outcome()
    st.markdown(say("portfolio.empty"))
    portfolio.drop(state.fresh(now))
else:
    case = now.open_case
    begin.forget_outcome()  # the case's own list says it, and goes on saying it
    st.header(plain(case.title), anchor=False)
    portfolio.accepted(case)
    portfolio.start(now, works_of(case))
    st.header(say("portfolio.works"), anchor=False)
    live.follow(portfolio.listed, *live.LOOP)
    st.header(say("findings.theft"), anchor=False)
    shows, cannot = st.columns(2, gap="large")
    shows.markdown(say("findings.shows"))
    cannot.markdown(say("findings.cannot"))
    with st.expander(say("portfolio.more"), icon=":material/add_photo_alternate:"):
        portfolio.drop(now)
