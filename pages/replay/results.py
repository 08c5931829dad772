"""The results of searches on the Replay page: one replay in full, and the plots of a search."""

from __future__ import annotations

import streamlit as st

from explorer.cases import marks
from explorer.cases.case import Case
from explorer.jobs.tasks import RenderExhibit
from explorer.records import Replay, Start, Subject
from pages.findings import findings_panel
from pages.replay import after_replay, charts, closer_form, replay_cards, replay_gallery, sweep_grid, words_found
from pages.report import share
from pages.shared import state
from pages.shared.texts import say
from pages.tasks import live, submit


def one(here: state.Here, replay: Replay) -> None:
    """One replay beside the subject: slider, how it was made, its scores, star and exhibit."""
    case, subject = here.open_case, here.open_subject
    replay_cards.beside(case, subject, replay, key=f"compare_{subject.id}", widest_px=480)
    st.markdown(replay_cards.how_made(replay, subject))
    start, strength = replay.recipe.start(subject), f"{replay.recipe.strength or 0:g}"
    if start is Start.OPTIMISED:
        st.warning(say("closer.shaped"), icon=":material/front_hand:")
    elif start is Start.FITTED:
        st.warning(say("trigger.shaped"), icon=":material/front_hand:")
    elif start is Start.REPLAY:
        st.info(say("closer.repainted", strength=strength))
    elif start is Start.SUBJECT:
        st.warning(say("replay.trap", strength=strength), icon=":material/front_hand:")
    replay_cards.score_list(replay.closeness)
    _actions(here, replay)


def more(case: Case, subject: Subject, replay: Replay) -> None:
    """Folded away: every score with its meaning, the recipe, the bits supplied."""
    with st.expander(say("replay.all_scores"), icon=":material/straighten:"):
        replay_cards.score_table(replay)
    with st.expander(say("replay.recipe"), icon=":material/key:"):
        replay_cards.recipe_block(replay)
    with st.expander(say("replay.bits"), icon=":material/receipt_long:"):
        st.markdown(say("replay.bits_text"))
        replay_cards.ledger_table(findings_panel.ledger(case, replay))
        after_replay.charge(case, replay)
    with st.expander(say("align.title"), icon=":material/filter_none:"):
        after_replay.aligned(case, subject, replay)
    words_found.part(case, replay.search_id)
    share.draw(case, subject, replay, title=case.title)


def plots(case: Case, subject: Subject, shown: replay_gallery.Shown) -> None:
    """The grid of a sweep; the race and the strengths, side by side: a click on a point opens that replay."""
    ordered = replay_gallery.in_order(case, subject, shown)
    sweep_grid.draw(case, ordered, shown.score, key=shown.search)
    places = st.columns(2 if charts.any_strength(ordered) else 1, gap="large")
    with places[0]:
        clicked = charts.race(ordered, shown.score, key=f"race_{shown.search}_{shown.score}")
    with places[-1]:
        other = charts.strengths(ordered, shown.score, key=f"strengths_{shown.search}_{shown.score}")
    clicked = other or clicked
    if clicked and clicked != st.session_state.get("race_clicked"):
        st.session_state["race_clicked"] = clicked
        state.remember(replay=clicked)
        st.rerun()


def _actions(here: state.Here, replay: Replay) -> None:
    case = here.open_case
    row = st.container(horizontal=True)
    for mark, on, off, icon in ((marks.STARRED, "replay.star", "replay.unstar", "star"),
                                (marks.HIDDEN, "marks.hide", "marks.unhide", "visibility_off")):
        marked = replay.id in marks.marked(case, mark)
        if row.button(say(off if marked else on), icon=f":material/{icon}:", key=f"one_{mark}",
                      disabled=case.read_only):
            (marks.take_off if marked else marks.put)(case, mark, [replay.id])
            st.rerun()
    if replay.exhibit:
        st.markdown(f":material/verified: {say('replay.is_exhibit')}")
    elif row.button(say("replay.exhibit"), icon=":material/verified:", key="exhibit", help=say("tip.exhibit"),
                    disabled=case.read_only or bool(submit.active(here, "RenderExhibit"))):
        submit.submit(here, RenderExhibit(case.id, replay.id, here.settings.model))
        st.rerun(scope="app")
    live.panel(here, "RenderExhibit")
    closer_form.part(here, replay)
