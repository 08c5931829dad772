"""Examples: works of the bundled world whose truth is known, each with its story and one button."""

from __future__ import annotations

import streamlit as st

from explorer.settings import WORLD
from explorer.world.examples import read_examples
from pages.components import examples, state, widgets
from pages.components.texts import say

now = state.here()
st.title(say("examples.title"))
st.markdown(say("examples.lead"))
found = read_examples(WORLD)
if not found:
    widgets.empty("examples")
columns = st.columns(2)
for number, example in enumerate(found):
    with columns[number % len(columns)].container(border=True):
        examples.card(now, example)
st.caption(say("examples.source"))
