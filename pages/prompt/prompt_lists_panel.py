"""Published lists of memorised prompts: read from a file, counted by kind, one prompt made and tested."""

from __future__ import annotations

import streamlit as st

from explorer.findings.prompt_lists import ListedPrompt, read_table
from explorer.jobs.tasks import GenerateSubject
from explorer.records import ReplaySettings
from pages.shared import state
from pages.shared.texts import plain, say
from pages.tasks import submit


def draw(now: state.Here) -> None:
    """The drop zone; the list as a table; the prompt chosen there becomes an image of a new case."""
    st.markdown(say("lists_known.text"))
    if now.settings.model == "world":
        st.caption(say("lists_known.world"))
    file = st.file_uploader(say("lists_known.drop"), type=["csv", "tsv", "jsonl", "json", "txt"], key="known_list")
    if file is None:
        return
    found = read_table(file.getvalue(), name=file.name)
    prompts = found.rows
    kinds = ", ".join(f"{n} {plain(kind) or say('lists_known.no_kind')}" for kind, n in found.kinds.items())
    st.markdown(say("lists_known.counts", prompts=len(prompts), distinct=found.distinct, kinds=kinds))
    columns = {say("lists_known.caption"): [p.prompt for p in prompts],
               say("lists_known.kind"): [p.kind for p in prompts],
               say("lists_known.sscd"): [p.sscd for p in prompts]}
    chosen = st.dataframe(
        columns, on_select="rerun", selection_mode="single-row", hide_index=True, height=320, key="known_rows")
    rows = chosen.selection.rows if chosen and chosen.selection else []
    if rows:
        _make(now, prompts[rows[0]])


def _make(now: state.Here, prompt: ListedPrompt) -> None:
    st.code(prompt.prompt, language=None, wrap_lines=True)
    if st.button(say("lists_known.make"), type="primary", icon=":material/auto_awesome:"):
        case = now.store.create(prompt.prompt[:60], question=say("lists_known.question"))
        submit.submit(now, GenerateSubject(case.id, ReplaySettings(prompt=prompt.prompt, seeds=1),
                                         now.settings.model))
        state.go("subject", case_id=case.id)
