"""The words that a search found from the picture itself: what each is worth to the model, and what was fitted."""

from __future__ import annotations

import statistics

import streamlit as st

from explorer.cases.case import Case
from explorer.records import SearchPlan
from explorer.records.words_records import WordsFound
from explorer.search.trigger_controls import words_controls
from pages.shared.texts import plain, say


def part(case: Case, search_id: str) -> None:
    """Folded away under the replays of a search for words; nothing for other searches."""
    found = case.record(WordsFound, search_id) if search_id else None
    if found is None:
        return
    with st.expander(say("trigger.title"), icon=":material/manage_search:"):
        st.markdown(say("trigger.text"))
        if found.words:
            rows = [say("trigger.row", word=plain(w.word), gain=f"{w.gain:+.2%}") for w in found.words]
            st.markdown("\n".join([say("trigger.head"), "|---|---:|", *rows]))
        else:
            st.caption(say("trigger.no_words"))
        st.caption(say("trigger.errors", began=plain(found.began) or "–", first=found.first_error,
                       found=found.error, steps=found.steps, fitted=found.fitted_error))
        st.caption(say("trigger.bits", bits=found.code_bits))
        _controls(case, found)


def _controls(case: Case, found: WordsFound) -> None:
    """What the same search came to on works that the model never saw, where that was measured."""
    plan = case.record(SearchPlan, found.id)
    stored = words_controls(plan.model.fingerprint) if plan is not None else None
    if stored is None:
        st.caption(say("trigger.no_controls"))
        return
    told = {way: {"best": f"{min(values):.3f}", "median": f"{statistics.median(values):.3f}"}
            for way, values in (("words", stored.words), ("fitted", stored.fitted))}
    st.caption(say("trigger.controls", works=len(stored.words), evaluations=stored.evaluations,
                   words_best=told["words"]["best"], words_median=told["words"]["median"],
                   fitted_best=told["fitted"]["best"], fitted_median=told["fitted"]["median"]))
