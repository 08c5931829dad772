"""Prompts on the screen: the one in use, the candidates, and what each term adds."""

from __future__ import annotations

import streamlit as st

from explorer.records import PromptCandidate
from pages.components import charts, widgets
from pages.components.state import Here
from pages.components.texts import plain, say

MODES = ("best", "fast", "classic", "negative")
LISTS = ("collection", "artists", "mediums", "movements", "flavors", "trending")


def chosen(now: Here) -> None:
    """The prompt that replays will use, to edit; keeping it is logged."""
    case, subject = now.open_case, now.open_subject
    text = case.chosen_prompt(subject.id)
    typed = st.text_area(say("prompt.in_use"), text, key=f"chosen_{subject.id}_{hash(text)}", height=90,
                         help=say("tip.prompt"), placeholder=say("prompt.none_yet"))
    if st.button(say("prompt.keep"), disabled=not typed.strip(), key="keep_prompt"):
        case.choose_prompt(subject.id, typed.strip())
        st.toast(say("prompt.kept"), icon=":material/check_circle:")
        st.rerun()


def candidates(now: Here) -> None:
    """Every candidate with similarity, length and where it came from; each can be taken into use."""
    found = now.open_case.prompts(now.open_subject.id)
    if not found:
        widgets.empty("prompts")
        return
    st.header(say("prompt.candidates", n=len(found)), anchor=False)
    st.caption(say("prompt.scale"))
    for number, candidate in enumerate(found[:12]):
        _candidate(now, candidate, number)


def _candidate(now: Here, candidate: PromptCandidate, number: int) -> None:
    with st.container(border=True):
        st.code(candidate.text, language=None, wrap_lines=True)
        words, use = st.columns([4, 1], vertical_alignment="center")
        words.caption(say("prompt.line", similarity=f"{candidate.similarity:.3f}", tokens=candidate.tokens,
                          bits=f"{candidate.bits:.0f}",
                          source=say(f"source.{candidate.source.replace(' ', '_')}"),
                          mode=say(f"mode.{candidate.mode}")))
        if candidate.mode == "negative":
            use.caption(say("prompt.negative_use"))
        elif use.button(say("prompt.use"), key=f"use_{number}", width="stretch"):
            now.open_case.choose_prompt(now.open_subject.id, candidate.text)
            st.rerun(scope="app")
        if candidate.terms:
            with st.expander(say("prompt.terms")):
                st.caption(say("prompt.terms_text"))
                charts.terms(candidate, key=f"terms_{number}")
                best = max(candidate.terms, key=lambda t: t.gain)
                st.caption(say("prompt.most", term=plain(best.term), gain=f"{best.gain:+.3f}"))
