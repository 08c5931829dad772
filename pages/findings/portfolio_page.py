"""Portfolio: many works of one person, each put through the same effort and listed by how close it came."""

from __future__ import annotations

import streamlit as st

from explorer.findings.case_works import works_of
from pages.findings import familiarity_panel, portfolio_panel
from pages.shared import state, upload
from pages.shared.texts import plain, say
from pages.tasks import live

now = state.here()
st.title(say("portfolio.title"))
st.markdown(say("portfolio.lead"))

if not portfolio_panel.needed(now):
    upload.outcome()
    st.markdown(say("portfolio.empty"))
    portfolio_panel.drop(state.fresh(now))
else:
    case = now.open_case
    upload.forget_outcome()  # the case's own list says it, and goes on saying it
    st.header(plain(case.title), anchor=False)
    portfolio_panel.accepted(case)
    portfolio_panel.start(now, works_of(case))
    st.header(say("portfolio.works"), anchor=False)
    live.follow(portfolio_panel.listed, *live.LOOP)
    familiarity_panel.body(case)
    st.header(say("findings.theft"), anchor=False)
    shows, cannot = st.columns(2, gap="large")
    shows.markdown(say("findings.shows"))
    cannot.markdown(say("findings.cannot"))
    with st.expander(say("portfolio.more"), icon=":material/add_photo_alternate:"):
        portfolio_panel.drop(now)
