"""The loop at a glance: prompt, nearest works and closest replays of the subject, filled in as they come."""

from __future__ import annotations

import streamlit as st

from explorer.findings.series import distinct
from pages.neighbours import work_cards
from pages.replay import replay_cards
from pages.shared import frame, state, widgets
from pages.shared.texts import say
from pages.tasks import live

SHOWN = 7


def draw() -> None:
    """Draws the three panels; redraws itself while the loop runs."""
    live.follow(_panels, *live.LOOP)


def _panels() -> None:
    here = state.here()
    if here.case is None or here.subject is None:
        return
    live.panel(here, *live.LOOP)
    _nearest(here)
    _prompt(here)
    _closest(here)


def _head(here: state.Here, page: str) -> None:
    words, link = st.columns([5, 1], vertical_alignment="bottom")
    words.header(say(f"overview.{page}"))
    link.page_link(frame.script(page), label=say("overview.open"), icon=":material/arrow_forward:",
                   query_params=here.address)


def _prompt(here: state.Here) -> None:
    _head(here, "prompt")
    text = here.open_case.chosen_prompt(here.open_subject.id)
    if text:
        st.code(text, language=None, wrap_lines=True)
    else:
        st.caption(say("overview.no_prompt"))


def _nearest(here: state.Here) -> None:
    _head(here, "neighbours")
    found = here.open_case.neighbours(here.open_subject.id, limit=8)
    if found:
        items = [work_cards.item(w) for w in found]
        if widgets.gallery(items, key=f"overview_works_{here.open_subject.id}", label=say("works.label")):
            state.go("neighbours")
        st.caption(say("works.not_proof"))
    else:
        st.caption(say("overview.no_neighbours"))


def _closest(here: state.Here) -> None:
    _head(here, "replay")
    case, subject = here.open_case, here.open_subject
    found = distinct(case.replays(subject.id, limit=3 * SHOWN))[:SHOWN]
    if not found:
        st.caption(say("overview.no_replays"))
        return
    first = widgets.Item("subject", widgets.data_address(case.blob(subject.pixels_sha256)),
                         say("replay.subject_label"), (plain_name(subject.name),), alt=say("subject.alt",
                                                                                        name=subject.name))
    items = [first, *(replay_cards.item(case, r, n, "tiled_l2") for n, r in enumerate(found, 1))]
    picked = widgets.gallery(items, key=f"overview_replays_{subject.id}", label=say("replay.gallery"))
    if picked and picked != "subject":
        state.remember(replay=picked, search="")
        state.go("replay")
    total = case.count_replays(subject.id)
    st.caption(say("overview.replays_line", n=total, scale=replay_cards.reading("tiled_l2")))


def plain_name(name: str) -> str:
    """A file's name short enough for a caption; it goes to a text node, not to Markdown."""
    return name if len(name) < 40 else f"{name[:38]}…"

