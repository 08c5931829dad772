"""Examples: finished cases to open at once, and works of the bundled world to run live."""

from __future__ import annotations

import streamlit as st

from explorer.settings import WORLD
from explorer.world.example_picks import read_examples
from pages.library import example_works, stories
from pages.prompt import prompt_lists_panel
from pages.shared import state, widgets
from pages.shared.texts import say
from pages.subject import generate

now = state.here()
st.title(say("examples.title"))
told = stories.known()
story = stories.chosen(told)
if story is not None:
    stories.draw(now, story)
else:
    st.markdown(say("examples.lead"))
    if told:
        st.header(say("examples.told"), anchor=False)
        st.markdown(say("examples.told_text"))
        stories.cards(told)
    st.header(say("examples.live"), anchor=False)
    st.markdown(say("examples.live_text"))
    found = read_examples(WORLD)
    if not found:
        widgets.empty("examples")
    for start in range(0, len(found), 2):
        for column, example in zip(st.columns(2), found[start:start + 2], strict=False):
            with column.container(border=True, height="stretch"):
                example_works.card(now, example)
    with st.expander(say("examples.generate"), icon=":material/auto_awesome:"):
        generate.form(state.fresh(now))
    with st.expander(say("lists_known.title"), icon=":material/list_alt:"):
        prompt_lists_panel.draw(now)
st.caption(say("examples.source"))
