"""Prompts on the screen: the one in use, the candidates, and what each term adds."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.records import PromptCandidate, Subject
from pages.replay import charts
from pages.shared import widgets
from pages.shared.state import Here
from pages.shared.texts import plain, say

MODES = ("best", "fast", "classic", "negative", "gradient")
MOST = 12  # candidates that are shown
LISTS = ("collection", "artists", "mediums", "movements", "flavors", "trending")


def chosen(now: Here) -> None:
    """The prompt that replays will use, to edit; keeping it is logged."""
    case, subject = now.open_case, now.open_subject
    text = case.chosen_prompt(subject.id)
    typed = st.text_area(say("prompt.in_use"), text, key=f"chosen_{subject.id}_{hash(text)}", height=90,
                         help=say("tip.prompt"), placeholder=say("prompt.none_yet"))
    if st.button(say("prompt.keep"), disabled=case.read_only or not typed.strip(), key="keep_prompt"):
        case.choose_prompt(subject.id, typed.strip())
        st.toast(say("prompt.kept"), icon=":material/check_circle:")
        st.rerun()


def candidates(now: Here) -> None:
    """The candidates with both rankings, length and source, each to be taken into use; a test's own stay folded."""
    found = now.open_case.prompts(now.open_subject.id)
    if not found:
        if now.open_case.read_only:
            st.caption(say("prompt.only_given"))
        else:
            widgets.empty("prompts")
        return
    tested = [c for c in found if c.mode == "measured"]
    found = [c for c in found if c not in tested]
    if found:
        st.header(say("prompt.candidates", n=len(found)), anchor=False)
    st.caption(say("prompt.scale") + (say("prompt.first", n=MOST) if len(found) > MOST else ""))
    if any(c.replay_score is not None for c in found):
        st.caption(say("prompt.judged_scale"))
    by_clip = sorted((c for c in found if c.mode != "negative"), key=lambda c: -c.similarity)
    for number, candidate in enumerate(found[:MOST]):
        _candidate(now, candidate, number, by_clip)
    if tested:
        with st.expander(say("prompt.tested", n=len(tested))):
            st.markdown("\n".join([say("prompt.tested_head"), "|---|---|---|",
                                   *(f"| {plain(c.text)} | {c.similarity:.3f} | {c.bits:.0f} |" for c in tested)]))


def told(now: Here) -> None:
    """What the newest search for prompts says of itself: which caption model spoke, or why none judged."""
    done = now.queue.recent(limit=60, case_id=now.open_case.id, states=("done",))
    result = next((j.result for j in done if j.name == "Interrogate" and j.result
                   and j.task.subject_id == now.open_subject.id), None) or {}
    if "caption_model" in result:
        st.caption(say("prompt.captioner", name=plain(result["caption_model"])) if result["caption_model"]
                   else say("prompt.no_captioner"))
    if result.get("not_judged"):
        st.info(say("prompt.not_judged", why=plain(result["not_judged"])), icon=":material/info:")


def _candidate(now: Here, candidate: PromptCandidate, number: int, by_clip: list[PromptCandidate]) -> None:
    with st.container(border=True):
        st.code(candidate.text, language=None, wrap_lines=True)
        words, use = st.columns([4, 1], vertical_alignment="center")
        words.caption(say("prompt.line", similarity=f"{candidate.similarity:.3f}", tokens=candidate.tokens,
                          bits=f"{candidate.bits:.0f}",
                          source=say(f"source.{candidate.source.replace(' ', '_')}"),
                          mode=say(f"mode.{candidate.mode}")))
        if candidate.replay_score is not None:
            words.caption(say("prompt.judged", closeness=f"{candidate.replay_score:.3f}", place=number + 1,
                              clip_place=by_clip.index(candidate) + 1))
        if candidate.mode == "negative":
            use.caption(say("prompt.negative_use"))
        elif use.button(say("prompt.use"), key=f"use_{number}", width="stretch"):
            now.open_case.choose_prompt(now.open_subject.id, candidate.text)
            st.rerun(scope="app")
        if candidate.terms:
            with st.expander(say("prompt.terms")):
                _terms(candidate, number)


def _terms(candidate: PromptCandidate, number: int) -> None:
    st.caption(say("prompt.terms_text"))
    charts.terms(candidate.terms, across=say("chart.gain"), alt=say("chart.terms_alt"), key=f"terms_{number}")
    best = max(candidate.terms, key=lambda t: t.gain)
    st.caption(say("prompt.most", term=plain(best.term), gain=f"{best.gain:+.3f}"))
    if candidate.replay_terms:
        st.caption(say("prompt.replay_terms_text"))
        charts.terms(candidate.replay_terms, across=say("chart.replay_gain"), alt=say("chart.replay_terms_alt"),
                     key=f"replay_terms_{number}")
        most = max(candidate.replay_terms, key=lambda t: t.gain)
        st.caption(say("prompt.replay_most", term=plain(most.term), gain=f"{most.gain:+.3f}"))


def words(case: Case, subject: Subject, text: str) -> None:
    """Which words of a prompt did it: what each term adds, where that was measured for this very prompt."""
    found = next((c for c in case.prompts(subject.id) if c.text == text and c.terms), None)
    st.markdown(say("prompt.brought", text=plain(text) or say("prompt.no_words")))
    if found is None:
        st.caption(say("prompt.not_taken_apart"))
    else:
        _terms(found, 0)
