"""Incidence: how often near copies come back, over populations of prompts that both sides declared."""

from __future__ import annotations

import streamlit as st

from pages.incidence import agreed_panel, plan_form, results_panel
from pages.shared import state
from pages.shared.texts import plain, say
from pages.tasks import live

now = state.here()
st.title(say("incidence.title"))
st.markdown(say("incidence.lead"))

if now.case is None:
    st.markdown(say("incidence.empty"))
    plan_form.new_case(now)
else:
    st.header(plain(now.open_case.title), anchor=False)
    agreed_panel.draw(now)
    live.follow(results_panel.draw, results_panel.TASK, every_s=live.RESULTS_S)
    if now.open_case.read_only:
        st.info(say("incidence.read_only"), icon=":material/lock:")
        plan_form.new_case(now)
    else:
        st.header(say("incidence.declare"), anchor=False)
        plan_form.draw(now)
