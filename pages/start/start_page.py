"""Start: what this does, three ways in, an example in one click, recent cases, what is in use."""

from __future__ import annotations

import streamlit as st

from pages.library import example_works, stories
from pages.shared import state, upload
from pages.shared.texts import say
from pages.start import cards

FIRST = 4  # finished examples shown here; all are on the Examples page

now = state.here()
upload.outcome()
st.title(say("start.title"))
st.markdown(say("start.lead"))
st.markdown(f":material/lock: {say('start.local')}")

cards.which_model()

st.header(say("start.ways"), anchor=False)
artist, expert, journalist = st.columns(3)
with artist.container(border=True, height="stretch"):
    st.subheader(say("start.artist"), anchor=False)
    st.markdown(say("start.artist_text"))
    upload.drop(state.fresh(now), "subject")
    st.page_link("pages/findings/portfolio_page.py", label=say("start.many"), icon=":material/photo_library:")
with expert.container(border=True, height="stretch"):
    st.subheader(say("start.expert"), anchor=False)
    st.markdown(say("start.expert_text"))
    with st.expander(say("case.new"), icon=":material/create_new_folder:"):
        cards.new_case(now)
with journalist.container(border=True, height="stretch"):
    st.subheader(say("start.journalist"), anchor=False)
    st.markdown(say("start.journalist_text"))
    st.page_link("pages/library/examples_page.py", label=say("start.journalist_go"), icon=":material/menu_book:")

told = stories.known()
if told:
    st.header(say("start.told"), anchor=False)
    st.markdown(say("start.told_text", n=len(told)))
    stories.cards(told[:FIRST])
    st.page_link("pages/library/examples_page.py", label=say("start.told_all", n=len(told)),
                 icon=":material/auto_stories:")
st.header(say("start.example"), anchor=False)
st.markdown(say("start.example_text"))
example_works.two(now)

st.header(say("start.recent"), anchor=False)
cards.recent(now, limit=6)

st.header(say("start.in_use"), anchor=False)
cards.in_use(now)
