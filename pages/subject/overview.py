"""The loop at a glance: nearest works, words, and closest replays of the subject, filled in as they come.

Replays that were given the picture stand in a row of their own, last: what was put in is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.series import distinct, ranked
from explorer.findings.verdict import models_of
from explorer.records import Replay, Start, Subject
from pages.neighbours import work_cards
from pages.replay import replay_cards
from pages.shared import frame, model_names, state, widgets
from pages.shared.texts import plain, say
from pages.tasks import live

SHOWN = 7
SCORE = "tiled_l2"
Rows = dict[str, tuple[list[Replay], list[Replay]]]


def draw() -> None:
    """Draws the panels; redraws itself while the loop runs."""
    live.follow(_panels, *live.LOOP, every_s=live.RESULTS_S)


def _panels() -> None:
    here = state.here()
    if here.case is None or here.subject is None:
        return
    _closest(here)
    _nearest(here)
    _prompt(here)
    _given(here)


def _head(here: state.Here, page: str, title: str = "") -> None:
    words, link = st.columns([5, 1], vertical_alignment="bottom")
    words.header(title or say(f"overview.{page}"), anchor=False)
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


def _rows(case: Case, subject: Subject) -> Rows:
    """Where a model is from → its closest replays from noise, and those that were given more."""
    return state.kept("overview_rows", case, subject, lambda: _read(case, subject))


def _read(case: Case, subject: Subject) -> Rows:
    model_of, found = models_of(case, subject.id), {}
    for one in ranked(case.tries(subject.id, score=SCORE), SCORE):
        source = model_of[one.search_id].source if one.search_id in model_of else ""
        row = found.setdefault(source, ([], []))[one.start is not Start.NOISE]
        if len(row) < 3 * SHOWN:
            row.append(one.id)
    return {source: tuple(distinct([case.replay(i) for i in row])[:SHOWN] for row in rows)
            for source, rows in found.items()}


def _closest(here: state.Here) -> None:
    """From words and noise alone, a row a model, the model in use first."""
    _head(here, "replay")
    case, subject = here.open_case, here.open_subject
    rows = _rows(case, subject)
    if not rows:
        st.caption(say("overview.no_replays"))
        return
    for number, source in enumerate(_order(here, rows)):
        _row(here, rows[source][0], name=f"noise_{number}", title=_title(source, rows))
    st.caption(say("overview.replays_line", n=case.count_replays(subject.id), scale=replay_cards.reading(SCORE)))


def _given(here: state.Here) -> None:
    rows = _rows(here.open_case, here.open_subject)
    if not any(given for _, given in rows.values()):
        return
    _head(here, "replay", say("overview.given"))
    st.caption(say("overview.given_text"))
    for number, source in enumerate(_order(here, rows)):
        _row(here, rows[source][1], name=f"given_{number}", title=_title(source, rows))


def _order(here: state.Here, rows: Rows) -> list[str]:
    """The model in use first."""
    return sorted(rows, key=lambda source: source != here.settings.model)


def _title(source: str, rows: Rows) -> str:
    """The model's name, where there are several to be told apart."""
    return model_names.short(source) if len(rows) > 1 and source else ""


def _row(here: state.Here, found: Sequence[Replay], *, name: str, title: str) -> None:
    """The subject and replays of one kind and one model, as a gallery."""
    if not found:
        return
    case, subject = here.open_case, here.open_subject
    if title:
        st.markdown(f"**{plain(title)}**")
    first = widgets.GalleryItem("subject", widgets.data_address(case.blob(subject.pixels_sha256)),
                                say("replay.subject_label"), (plain_name(subject.name),),
                                alt=say("subject.alt", name=subject.name))
    items = [first, *(replay_cards.item(case, r, n, SCORE) for n, r in enumerate(found, 1))]
    picked = widgets.gallery(items, key=f"overview_{name}_{subject.id}", label=say("replay.gallery"))
    if picked and picked != "subject":
        state.remember(replay=picked, search="")
        state.go("replay")


def plain_name(name: str) -> str:
    """A file's name short enough for a caption; it goes to a text node, not to Markdown."""
    return name if len(name) < 40 else f"{name[:38]}…"
