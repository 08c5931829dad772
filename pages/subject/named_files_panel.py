"""Whether the model and adapters that a picture's settings name are among the files of this computer."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.images.metadata import Generation
from explorer.jobs.tasks import FindNamedFiles
from explorer.settings import save_settings
from pages.shared import state
from pages.shared.texts import plain, say
from pages.tasks import live, submit

_KIND = "FindNamedFiles"


def draw(now: state.Here, generation: Generation) -> None:
    """A button that looks, and what was found: the model compared by its hash, each adapter offered or missing."""
    if not (generation.model_hash or generation.adapters):
        return
    task = FindNamedFiles(now.open_case.id, now.open_subject.id, now.settings.model)
    if st.button(say("named.look"), icon=":material/search:", help=say("named.look_help")):
        submit.submit(now, task)
        st.rerun()
    live.follow(lambda: _found(state.here(), task, generation), _KIND)


def _found(now: state.Here, task: FindNamedFiles, generation: Generation) -> None:
    live.panel(now, _KIND)
    done = [j for j in now.queue.recent(limit=60, case_id=task.case_id) if j.task == task and j.state == "done"]
    if not done:
        return
    told = done[0].result
    if generation.model_hash:
        st.markdown(say(f"named.model_{told['model']}", hash=plain(generation.model_hash)))
    for name in told["missing"]:
        st.markdown(say("named.missing", name=plain(name)))
    for number, (name, path) in enumerate(told["adapters"]):
        st.markdown(say("named.adapter", name=plain(name), path=plain(path)))
        weight = next((a.weight for a in generation.adapters if a.name == name), 1.0)
        source = f"{now.settings.model} + {path}*{weight:g}"
        if st.button(say("named.use", name=plain(name)), key=f"lay_over_{number}", icon=":material/layers:"):
            save_settings(replace(now.settings, model=source))
            st.rerun()
