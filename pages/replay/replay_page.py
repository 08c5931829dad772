"""Replay: run the model on the subject's prompt over seeds and settings, and see how close it gets."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import RunSearch
from explorer.records import Replay
from explorer.records.scores import SCORES
from pages.library import stories
from pages.replay import race_chart, replay_cards, replay_form, replay_gallery, results, seed_scan
from pages.shared import loop_path, state, upload, widgets
from pages.shared.texts import say
from pages.tasks import live, submit

now = loop_path.head("replay")


def _start() -> None:
    """The form: folded away once there is something to see, as the person came for that."""
    begun = now.open_case.count_replays(now.open_subject.id) or submit.active(now, *live.LOOP)
    with st.expander(say("replay.form" if not begun else "replay.form_again"), icon=":material/edit_note:",
                     expanded=not begun):
        _form()


def _form() -> None:
    settings = replay_form.full(now, now.open_case.chosen_prompt(now.open_subject.id))
    ready = replay_form.plan(now, settings)
    if not settings.prompt:
        st.caption(say("replay.no_prompt"))
    if st.button(say("replay.start"), type="primary", icon=":material/play_arrow:", disabled=not ready):
        search = new_search_id()
        submit.submit(now, RunSearch(now.open_case.id, now.open_subject.id, search, settings,
                                   now.settings.model, now.settings.clip))
        state.remember(search=search, replay="")
        st.rerun()


def _runs() -> None:
    """What is under way here, with the steps of the whole loop that come before the replays."""
    here = state.here()
    live.panel(here, *(live.LOOP if submit.active(here, "RunSearch") else ("RunSearch",)))


def _found() -> None:
    here = state.here()
    case, subject = here.open_case, here.open_subject
    running = race_chart.running(here) or state.remembered("search")
    if not case.count_replays(subject.id):
        race_chart.draw(case, subject, running)
        race_chart.steer(here, running)
        if not submit.active(here, "RunSearch"):
            widgets.empty("replays")
        return
    pictures, tools = st.container(), st.container()
    with tools.expander(say("replay.tools"), icon=":material/tune:"):
        shown = replay_gallery.choose(case, subject)
    with pictures:
        picked = _pictures(here, shown)
    if picked is not None:
        results.more(case, subject, picked)
        if not submit.active(here, "RunSearch"):
            results.plots(case, subject, shown)


def _pictures(here: state.Here, shown: replay_gallery.Shown) -> Replay | None:
    """The replays of the choice, the closest first, and one of them in full, which is returned."""
    case, subject = here.open_case, here.open_subject
    seen = race_chart.running(here) or shown.search
    race_chart.draw(case, subject, seen)
    race_chart.steer(here, seen)
    if not shown.replays:
        st.caption(say("replay.none_here"))
        replay_gallery.counted(shown.found)
        return None
    if submit.active(here, "RunSearch"):  # drawn as they come; afterwards the pictures stand first
        results.plots(case, subject, shown)
    st.caption(say("replay.scale", label=SCORES[shown.score].label, reading=replay_cards.reading(shown.score),
                   plain=SCORES[shown.score].plain))
    replay_gallery.counted(shown.found)
    left, right = st.columns([1, 1], gap="large")
    with left.container(height=1040, border=False, key="pictures"):
        picked = case.replay(replay_gallery.gallery(here, shown))
    with right:
        results.one(here, picked)
    return picked


def _seeds() -> None:
    here = state.here()
    live.panel(here, "RecoverSeed")
    seed_scan.part(here)


if upload.needed(now, "replay"):
    if not stories.only_read(now):
        _start()
    live.follow(_runs, "RunSearch")
    live.follow(_found, "RunSearch", every_s=live.RESULTS_S)
    live.follow(_seeds, "RecoverSeed")
    st.caption(say("replay.caution"))
