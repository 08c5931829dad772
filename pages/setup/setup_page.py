"""Test a real model: five decisions with answers filled in, a page that says what will happen, and progress."""

from __future__ import annotations

import streamlit as st

from pages.setup import decisions, outlook, setup_progress, steps
from pages.shared import state
from pages.shared.texts import say

now = state.here()
st.title(say("setup.title"))
st.markdown(say("setup.lead"))
at = steps.where(now)
steps.draw(at)
if at == "decide":
    decisions.draw(now)
elif at == "plan":
    outlook.draw(now)
else:
    setup_progress.draw(now)
