"""Folded: which of several models made the picture, or none of them; the answers so far, and the way to ask."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.evidence.which_records import WhichModel, WhichPlan
from explorer.evidence.which_words import head, how, rows
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import NameModel
from explorer.records import Subject
from pages.shared import state
from pages.shared.texts import known, plain, retold, say
from pages.tasks import live, submit

TASK = "NameModel"


def panel(case: Case, subject: Subject) -> None:
    """The answers with every source's rank; follows a running question."""
    if not case.read_only or case.records(WhichModel, subject_id=subject.id):
        live.follow(lambda: _draw(case, subject), TASK)


def _draw(case: Case, subject: Subject) -> None:
    here = state.here()
    with st.expander(say("which.title"), icon=":material/compare:"):
        st.markdown(say("which.text"))
        for one in reversed(case.records(WhichModel, subject_id=subject.id)):
            _answer(one)
        live.panel(here, TASK)
        if not case.read_only and not submit.active(here, TASK):
            _form(here, case, subject)


def _answer(found: WhichModel) -> None:
    title = f"which.{found.finding.kind}"
    with st.container(border=True):
        if known(title):  # another's package may hold any kind
            st.subheader(say(title), anchor=False)
        st.markdown(plain(retold(found.finding.statement)))
        lines = (head(), ("---",) * len(head()), *(tuple(map(plain, row)) for row in rows(found)))
        st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))
        st.caption(how(found))
        if found.finding.error_rate:
            st.caption(plain(retold(found.finding.error_rate)))
        st.caption(" ".join(plain(retold(limit)) for limit in found.finding.limits))


def _form(here: state.Here, case: Case, subject: Subject) -> None:
    usual = dict.fromkeys(("world", here.settings.model))
    models = _lines(st.text_area(say("which.models"), "\n".join(usual), help=say("which.models_help"),
                                 key=f"which_models_{subject.id}"))
    prompts = st.text_area(say("which.prompts"), help=say("which.prompts_help"), key=f"which_prompts_{subject.id}")
    others = st.text_input(say("which.others"), help=say("which.others_help"), key=f"which_others_{subject.id}")
    plan = WhichPlan()
    st.caption(say("which.plan", pictures=plan.pictures, evaluations=plan.evaluations(len(models))))
    if st.button(say("which.start"), key=f"which_start_{subject.id}", disabled=len(models) < 2):
        blob = case.put_blob(prompts.encode()) if _lines(prompts) else ""
        against = others.strip() or "world"
        submit.submit(here, NameModel(case.id, subject.id, new_search_id(), models, against, blob))
        st.rerun()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
