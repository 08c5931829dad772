"""Which model is being tested: at the top of every page, with a way to switch."""

from __future__ import annotations

import streamlit as st

from explorer.setup.switch import switch_to
from pages.library import models_panel
from pages.shared import frame, model_names, state
from pages.shared.texts import plain, say

KEY = "model_chip"


def draw() -> None:
    """The chip with the model's name; behind it every model that is known here, and where to add one."""
    here = state.workspace()
    with st.container(key=KEY), st.popover(say("chip.testing", model=plain(_name(here))), help=say("chip.label"),
                                           icon=":material/deployed_code:"):
        _switch(here)


def _name(here: state.Here) -> str:
    source = here.settings.model
    return model_names.short(source, models_panel.listed(here).get(source) if source != model_names.WORLD else None)


def _switch(here: state.Here) -> None:
    known, source = models_panel.listed(here), here.settings.model
    sources = list(dict.fromkeys([source, *known]))
    names = {s: model_names.short(s, known.get(s)) for s in sources}
    picked = st.radio(say("chip.switch"), sources, key=f"chip_{source}", format_func=names.get)
    if st.button(say("chip.use"), type="primary", disabled=picked == source, key="chip_use"):
        switch_to(picked, here.settings, family=known[picked].family if picked in known else "")
        st.rerun()
    st.caption(say("chip.note"))
    st.page_link(frame.script("setup"), label=say("chip.more"), icon=":material/add:")
