"""Prompt: words that bring CLIP nearest to the subject, found, ranked and explained; or one's own."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.tasks import EmbedSubject, FindNeighbours, Interrogate
from pages.library import stories
from pages.prompt import prompts_panel
from pages.shared import loop_path, state, upload
from pages.shared.texts import say
from pages.tasks import live, submit

now = loop_path.head("prompt")


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.replace("\n", ",").split(",") if w.strip())


def _start() -> None:
    """The settings of an interrogation and the button that puts it on the queue."""
    mode = st.segmented_control(say("prompt.mode"), prompts_panel.MODES, default="best", required=True,
                                key="prompt_mode", format_func=lambda m: say(f"mode.{m}"),
                                help=say("prompt.mode_help"))
    judged = st.slider(say("prompt.judge"), 0, 10, 5, help=say("prompt.judge_help"), key="judge")
    with st.expander(say("set.more"), icon=":material/tune:"):
        lists = st.multiselect(say("prompt.lists"), prompts_panel.LISTS, default=["collection"], key="lists",
                               format_func=lambda n: say(f"lists.{n}"), help=say("prompt.lists_help"))
        own = st.text_area(say("prompt.own"), help=say("prompt.own_help"), key="own_terms", height=80)
        banned = st.text_input(say("prompt.banned"), help=say("prompt.banned_help"), key="banned")
        locked = st.text_input(say("prompt.locked"), help=say("prompt.locked_help"), key="locked")
        captions = st.toggle(say("prompt.captions"), True, help=say("prompt.captions_help"), key="captions")
    if st.button(say("prompt.find"), type="primary", icon=":material/search:",
                 disabled=bool(submit.active(now, "Interrogate"))):
        before = None
        collection = now.settings.neighbours_from
        if captions and collection and not now.open_case.neighbours(now.open_subject.id):
            subject = (now.open_case.id, now.open_subject.id)
            embed = submit.submit(now, EmbedSubject(*subject, now.settings.clip))
            before = submit.submit(now, FindNeighbours(*subject, collection, now.settings.clip), after=embed)
        submit.submit(now, Interrogate(
            now.open_case.id, now.open_subject.id, clip=now.settings.clip, mode=mode,
            collection=collection, lists=tuple(lists), own_terms=_words(own),
            banned=_words(banned), locked=_words(locked), neighbour_captions=captions, rerank=judged,
            model=now.settings.model), after=before)
        st.rerun()


def _found() -> None:
    here = state.here()
    live.panel(here, "EmbedSubject", "FindNeighbours", "Interrogate")
    prompts_panel.told(here)
    prompts_panel.candidates(here)


if upload.needed(now, "prompt"):
    prompts_panel.chosen(now)
    if not stories.only_read(now):
        st.header(say("prompt.find_title"), anchor=False)
        _start()
    live.follow(_found, "EmbedSubject", "FindNeighbours", "Interrogate")
