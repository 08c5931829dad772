"""Models: which model replays; look at one, load it, test it, choose it, fetch one, or free its memory."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import InspectModel, UnloadModels
from pages.library import models_panel
from pages.shared import state
from pages.shared.texts import plain, say
from pages.tasks import live, submit

now = state.here()
st.title(say("models.title"))
st.markdown(say("models.lead"))
bundled = now.settings.model == "world"
st.caption(say("models.in_use", name=say("use.world_model") if bundled else plain(now.settings.model)))
if not bundled:
    st.info(say("models.no_carry"), icon=":material/info:")


def _looking() -> None:
    job_id = state.remembered("look_model")
    if job_id:
        live.one(state.here(), job_id)
        models_panel.outcome(state.here(), job_id)


live.follow_job(_looking, state.remembered("look_model"))

st.header(say("models.known"), anchor=False)
prompt = st.text_input(say("models.test_prompt"), say("models.test_default"), key="test_prompt")
models_panel.known(now, prompt=prompt.strip())
if st.button(say("models.unload"), icon=":material/eject:", help=say("models.unload_help")):
    submit.submit(now, UnloadModels())
    st.rerun()

st.header(say("models.choose"), anchor=False)
source = models_panel.choose(now)
if st.button(say("models.look"), disabled=not source, help=say("models.look_help")):
    state.remember(look_model=submit.submit(now, InspectModel(source)))
    st.rerun()

with st.expander(say("models.download"), icon=":material/download:"):
    models_panel.download(now)
