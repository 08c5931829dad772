"""The words that a search found from the picture itself: what each is worth to the model, and what was fitted."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.records.words_records import WordsFound
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
