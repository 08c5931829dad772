"""The head of every step: title, what it is for, the path with where you are, and the case in hand."""

from __future__ import annotations

import streamlit as st

from pages.shared import frame, widgets
from pages.shared.state import Here, here
from pages.shared.texts import plain, say
from pages.tasks import submit

_RUNNING = {"neighbours": ("EmbedSubject", "FindNeighbours"), "prompt": ("Interrogate",),
            "replay": ("RunSearch",), "report": ("ExportCase",), "subject": ("GenerateSubject",),
            "findings": ("MeasureSubject", "MeasureFamiliarity")}


def head(step: str) -> Here:
    """Draws the head of a step and returns what the page works on."""
    now = here()
    st.title(say(f"{step}.title"))
    st.markdown(say(f"{step}.lead"))
    done = _done(now)
    running = {j.name for j in submit.active(now)} if now.case else set()
    with st.container(horizontal=True, gap="small", key="path"):
        for number, name in enumerate(frame.PATH, start=1):
            _step(now, number, name, here_now=name == step, done=name in done,
                  running=any(task in running for task in _RUNNING[name]))
    if now.case is not None:
        _case_line(now)
    return now


def _step(now: Here, number: int, name: str, *, here_now: bool, done: bool, running: bool) -> None:
    mark = "radio_button_checked" if here_now else "pending" if running else (
        "check_circle" if done else "radio_button_unchecked")
    word = "here" if here_now else "running" if running else "done" if done else "open"
    label = f"{number} {say(f'nav.{name}')}"
    st.page_link(frame.script(name), label=f"**{label}**" if here_now else label, icon=f":material/{mark}:",
                 query_params=now.address, help=say(f"path.{word}"))


def _done(now: Here) -> set[str]:
    """Steps that have a result for the subject in hand."""
    if now.case is None or now.subject is None:
        return set()
    case, subject_id = now.case, now.subject.id
    done = {"subject"}
    if case.chosen_prompt(subject_id):
        done.add("prompt")
    if case.neighbours(subject_id, limit=1):
        done.add("neighbours")
    if case.count_replays(subject_id):
        done |= {"replay", "findings"}
    return done


def _case_line(now: Here) -> None:
    with st.container(border=True, key="case_line"):
        several = len(now.open_case.subjects()) > 1
        picture, words, choice = (*st.columns([1, 7, 4] if several else [1, 9], vertical_alignment="center"),
                                  st.container())[:3]
        with words, st.container(gap="xxsmall"):
            facts = now.open_case.facts()
            number, question = plain(facts.get("case_number", "")), plain(facts.get("question", ""))
            st.markdown(f"**{plain(now.open_case.title)}**" + (f" · {number}" if number else ""))
            if question:
                st.caption(question)
            if now.store.is_counsel_only(now.open_case.id):
                st.warning(say("counsel.banner"), icon=":material/lock:")
            if now.subject:
                st.caption(say("path.subject", name=plain(now.subject.name)))
        if now.subject is None:
            return
        with picture:
            widgets.thumbnail(now.open_case, now.subject.pixels_sha256, width_px=72,
                              alt=say("subject.alt", name=now.subject.name))
        with choice:
            subject_choice(now)


def subject_choice(now: Here) -> None:
    """A choice among the case's subjects, where it has several."""
    from pages.shared.state import remember
    subjects = {s.id: s for s in now.open_case.subjects()}
    if len(subjects) < 2:
        return
    picked = st.selectbox(say("path.which"), list(subjects), format_func=lambda i: subjects[i].name,
                          index=list(subjects).index(now.open_subject.id), key=f"which_{now.open_subject.id}")
    if picked != now.open_subject.id:
        remember(subject=picked, replay="", search="", work="")
        st.rerun()
