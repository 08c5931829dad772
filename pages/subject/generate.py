"""An image made from words: a subject with its recipe on record, looked up among the collection's works."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import GenerateSubject
from pages.replay import replay_form
from pages.shared import state
from pages.shared.texts import say
from pages.subject import copy_check_panel
from pages.tasks import live, submit

_TASK = "GenerateSubject"


def form(now: state.Here) -> None:
    """The form; once sent, the image is made in the open case, or in a new one, whose Subject page opens."""
    st.markdown(say("subject.generate_text"))
    settings = replay_form.one_image(now)
    if settings is None:
        return
    target = now.case or now.store.create(settings.prompt[:60])
    made = submit.submit(now, GenerateSubject(target.id, settings, now.settings.model))
    copy_check_panel.start(now, target.id, after=made)
    state.go("subject", case_id=target.id)


def under_way(now: state.Here) -> bool:
    """True while the model makes an image for the open case; draws how far it is."""
    if now.case is None or not submit.active(now, _TASK):
        return False
    live.follow(_panel, _TASK)
    return True


def _panel() -> None:
    live.panel(state.here(), _TASK)
