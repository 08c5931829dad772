"""Models: which model replays; look at one, load it, choose it, or hand its memory back."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.jobs.tasks import InspectModel, UnloadModels
from explorer.settings import save_settings
from pages.components import live, models, pickers, state, work
from pages.components.texts import plain, say

now = state.here()
st.title(say("models.title"))
st.markdown(say("models.lead"))
models.known(now)

st.header(say("models.choose"), anchor=False)
source = pickers.source(now, "model")
look, load, use, unload = st.columns(4)
if look.button(say("models.look"), disabled=not source, width="stretch", help=say("models.look_help")):
    state.remember(look_model=work.submit(now, InspectModel(source)))
    st.rerun()
if load.button(say("models.load"), disabled=not source, width="stretch", help=say("models.load_help")):
    state.remember(look_model=work.submit(now, InspectModel(source, load=True)))
    st.rerun()
if use.button(say("models.use"), disabled=not source, width="stretch", type="primary"):
    save_settings(replace(now.settings, model=source))
    st.rerun()
if unload.button(say("models.unload"), width="stretch", help=say("models.unload_help")):
    work.submit(now, UnloadModels())
    st.rerun()
if now.settings.model != "world":
    st.info(say("models.no_carry"), icon=":material/info:")
st.caption(say("models.in_use", name=plain(now.settings.model)))


def _looking() -> None:
    job_id = state.remembered("look_model")
    if job_id:
        live.one(state.here(), job_id)


live.follow_job(_looking, state.remembered("look_model"))
