"""The results of searches on the Replay page: which search, which score, the gallery, one replay in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from explorer.cases.case import Case
from explorer.closeness.catalogue import SCORES
from explorer.findings.series import Page, pages_of, ranked, started_from
from explorer.jobs.tasks import RenderExhibit
from explorer.records import Replay, Subject
from pages.components import charts, closer, findings, live, replays, state, widgets, work
from pages.components.texts import say

PAGE = 24
MOST_POINTS = 2000


@dataclass(frozen=True)
class Shown:
    """What the gallery shows: replays of one search or of all ("") by one score, a page of them."""

    search: str
    score: str
    start: str  # "all" | "noise" | "subject" | "shaped"
    replays: Sequence[Replay]
    total: int
    page: int


def choose(case: Case, subject: Subject) -> Shown:
    """Draws the choices of search, score, start and page; returns what they select."""
    plans = {p.id: p for p in case.plans(subject.id)}
    which, by, start, turn = st.columns([4, 4, 5, 2], vertical_alignment="bottom")
    options = ["", *reversed(plans)]
    wanted = state.remembered("search")
    if wanted and not case.count_replays(search_id=wanted):
        wanted = ""  # ended before its first replay: what other searches made stays in view
    search = which.selectbox(say("replay.which"), options, key=f"which_search_{wanted}_{len(plans)}",
                             index=options.index(wanted) if wanted in options else 0,
                             format_func=lambda i: _search_name(case, list(plans), i))
    if search != wanted:
        state.remember(search=search)
    score = by.selectbox(say("replay.by"), replays.FIRST_SCORES, key="by",
                         format_func=lambda n: SCORES[n].label)
    origin = start.segmented_control(say("replay.start_from"), ("all", "noise", "subject", "shaped"), default="all",
                                     required=True, key="start_from",
                                     format_func=lambda s: say(f"start_from.{s}"))
    total = case.count_replays(subject.id, search_id=search or None)
    page = turn.number_input(say("replay.page"), 1, pages_of(total, PAGE), 1, key=f"page_{search}_{score}")
    found = ranked(case, subject, search=search, score=score, origin=origin, page=Page(page, PAGE))
    return Shown(search, score, origin, found, total, page)


def _search_name(case: Case, order: list[str], search: str) -> str:
    if not search:
        return say("replay.all_searches")
    return say("replay.search_name", n=order.index(search) + 1, tries=case.count_replays(search_id=search))


def in_order(case: Case, subject: Subject, shown: Shown) -> list[Replay]:
    """The replays of the search in the order in which they were made, for the plots."""
    found = case.replays(subject.id, search_id=shown.search or None, order_by="time", limit=MOST_POINTS)
    return started_from(found, shown.start)


def gallery(case: Case, subject: Subject, shown: Shown) -> str:
    """Draws a page of ranked replays; returns the id of the chosen one, the closest to begin with."""
    stars = set(case.get("stars", []))
    items = [replays.item(case, r, rank, shown.score, starred=r.id in stars)
             for rank, r in enumerate(shown.replays, (shown.page - 1) * PAGE + 1)]
    ids = {r.id for r in shown.replays}
    wanted = state.remembered("replay")
    picked = widgets.gallery(items, key=f"replays_{shown.search}_{shown.score}_{shown.start}_{shown.page}",
                             label=say("replay.gallery"), cell_px=112,
                             chosen=wanted if wanted in ids else items[0].id)
    st.caption(say("replay.count", shown=len(items), total=shown.total))
    if picked != wanted and picked in ids:
        state.remember(replay=picked)
    return picked


def one(here: state.Here, replay: Replay) -> None:
    """One replay beside the subject: slider, how it was made, its scores, star and exhibit."""
    case, subject = here.open_case, here.open_subject
    replays.beside(case, subject, replay, key=f"compare_{subject.id}", widest_px=480)
    st.markdown(replays.how_made(replay, subject))
    if replay.recipe.noise_blob is not None:
        st.warning(say("closer.shaped"), icon=":material/front_hand:")
    elif replay.recipe.start_sha256 not in (None, subject.pixels_sha256):
        st.info(say("closer.repainted", strength=f"{replay.recipe.strength:g}"))
    elif replay.recipe.strength is not None:
        st.warning(say("replay.trap", strength=f"{replay.recipe.strength:g}"), icon=":material/front_hand:")
    replays.score_list(replay)
    _actions(here, replay)


def more(case: Case, subject: Subject, replay: Replay) -> None:
    """Folded away: every score with its meaning, the recipe, the bits supplied."""
    with st.expander(say("replay.all_scores"), icon=":material/straighten:"):
        replays.score_table(replay)
    with st.expander(say("replay.recipe"), icon=":material/key:"):
        replays.recipe_block(replay)
    with st.expander(say("replay.bits"), icon=":material/receipt_long:"):
        st.markdown(say("replay.bits_text"))
        replays.ledger_table(findings.ledger(case, subject, replay))


def plots(case: Case, subject: Subject, shown: Shown) -> None:
    """The race and the strengths, side by side; a click on a point opens that replay."""
    ordered = in_order(case, subject, shown)
    left, right = st.columns(2, gap="large")
    with left:
        clicked = charts.race(ordered, shown.score, key=f"race_{shown.search}_{shown.score}")
    with right:
        other = charts.strengths(ordered, shown.score, key=f"strengths_{shown.search}_{shown.score}")
    clicked = other or clicked
    if clicked and clicked != st.session_state.get("race_clicked"):
        st.session_state["race_clicked"] = clicked
        state.remember(replay=clicked)
        st.rerun()


def _actions(here: state.Here, replay: Replay) -> None:
    case = here.open_case
    stars = list(case.get("stars", []))
    starred = replay.id in stars
    row = st.container(horizontal=True)
    if row.button(say("replay.unstar" if starred else "replay.star"), icon=":material/star:", key="star",
                  disabled=case.read_only):
        case.set("stars", [s for s in stars if s != replay.id] if starred else [*stars, replay.id])
        st.rerun()
    if replay.exhibit:
        st.markdown(f":material/verified: {say('replay.is_exhibit')}")
    elif row.button(say("replay.exhibit"), icon=":material/verified:", key="exhibit", help=say("tip.exhibit"),
                    disabled=case.read_only or bool(work.active(here, "RenderExhibit"))):
        work.submit(here, RenderExhibit(case.id, replay.id, here.settings.model))
        st.rerun(scope="app")
    live.panel(here, "RenderExhibit")
    closer.part(here, replay)
