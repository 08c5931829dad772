"""From one replay onwards: small steps within a budget, or optimised noise, each with what it will be charged."""

from __future__ import annotations

import streamlit as st

from explorer.closeness.ledger import rounds_bits
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import RunSearch
from explorer.records import Replay, ReplaySettings, Start
from pages.shared import state
from pages.shared.texts import say
from pages.tasks import submit


def part(here: state.Here, replay: Replay) -> None:
    """Folded away: a budget of rounds and options, and the gradient's rounds."""
    start = replay.recipe.start(here.open_subject)
    if start in (Start.OPTIMISED, Start.FITTED) or here.open_case.read_only:
        return
    busy = bool(submit.active(here, "RunSearch"))
    with st.expander(say("closer.title"), icon=":material/near_me:"):
        st.markdown(say("closer.text"))
        left, right = st.columns(2)
        rounds = left.number_input(say("closer.rounds"), 1, 1000, 4, key="closer_rounds")
        options = right.number_input(say("closer.options"), 1, 1000, 16, key="closer_options")
        bits = rounds_bits([options + 1] * rounds, allowed=rounds)
        st.caption(say("closer.plan", tries=rounds * options, bits=f"{bits:.0f}"))
        if st.button(say("closer.go"), key="go_closer", disabled=busy):
            _start(here, replay, "closer", rounds=rounds, options=options)
        if start is Start.NOISE:
            st.markdown(say("closer.noise_text"))
            turns = st.number_input(say("closer.noise_rounds"), 1, 10_000, 40, key="noise_rounds")
            if st.button(say("closer.noise_go"), key="optimise", disabled=busy):
                _start(here, replay, "noise", rounds=turns)


def _start(here: state.Here, replay: Replay, mode: str, **budget: int) -> None:
    search, recipe = new_search_id(), replay.recipe
    settings = ReplaySettings(recipe.prompt, recipe.negative_prompt, seeds=1, first_seed=recipe.seed, mode=mode,
                              parent=replay.id, **budget)
    submit.submit(here, RunSearch(here.open_case.id, replay.subject_id, search, settings, here.settings.model,
                                here.settings.clip))
    state.remember(search=search)
    st.rerun(scope="app")
