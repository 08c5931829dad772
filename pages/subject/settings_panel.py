"""Two pictures' settings side by side: the open subject's claims beside another subject's or a replay's."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.cases.settings_compared import ComparedSetting, claims_of, compared
from explorer.images.metadata import Generation, read_metadata
from explorer.records import Subject
from pages.shared.texts import plain, say

MOST = 50  # replays that are offered
LONGEST = 300  # characters of one value


def draw(case: Case, subject: Subject, own: Generation) -> None:
    """Draws a choice of another picture, and both pictures' settings with the differing ones marked."""
    others = {
        f"subject {s.id}": say("compared.subject", name=s.name) for s in case.subjects() if s.id != subject.id
    }
    others |= {f"replay {r.id}": say("compared.replay", seed=r.recipe.seed, rank=n)
               for n, r in enumerate(case.noise_first(subject.id, limit=MOST), 1)}
    if not others:
        return
    chosen = st.selectbox(
        say("compared.with"),
        list(others),
        index=None,
        format_func=lambda key: plain(others[key]),
        placeholder=say("compared.choose"),
        key="compared_with",
    )
    if chosen is None:
        return
    kind, _, name = chosen.partition(" ")
    found = [claims_of(case.replay(name).recipe)] if kind == "replay" else list(
        read_metadata(case.blob(case.subject(name).sha256)).generation)
    if not found:
        st.caption(say("compared.none"))
        return
    rows = compared(own, found[0])
    st.markdown(
        "\n".join([say("compared.head", other=plain(others[chosen])), "|---|---|---|---|", *map(_row, rows)])
    )
    st.caption(say("compared.count", n=sum(not row.agree for row in rows), all=len(rows)))


def _row(row: ComparedSetting) -> str:
    mark = "" if row.agree else f"**{say('compared.differs')}**"
    return f"| {_cell(_name(row.name))} | {_cell(row.left)} | {_cell(row.right)} | {mark} |"


def _name(name: str) -> str:
    """A field's name in the screens' words; another key as the file has it."""
    return (
        say("compared.tool")
        if name == "tool"
        else say(f"generation.{name}")
        if name in Generation.__annotations__
        else name
    )


def _cell(text: str) -> str:
    return plain(" ".join(text.split())[:LONGEST]).replace("|", "\\|")
