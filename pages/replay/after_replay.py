"""What may be measured of one replay afterwards: what its start costs, and how close it comes once aligned."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.closeness.start_code import StartBill
from explorer.findings.finding import AlignedReplay
from explorer.images.decode import png_bytes
from explorer.jobs.tasks import AlignReplay, MeasureStart
from explorer.records import Replay, SearchPlan, Start, Subject
from pages.replay import replay_cards
from pages.shared import state, widgets
from pages.shared.texts import plain, say
from pages.tasks import live, submit

WAYS = ("shift", "scale", "mirror", "colour")  # as closeness/alignment.py names them


def charge(case: Case, replay: Replay) -> None:
    """Under the ledger of a replay that was given something: measures the shortest code of it."""
    plan = case.record(SearchPlan, replay.search_id)
    reached = plan is not None and plan.settings.get("mode") == "closer"  # the ledger charges its rounds
    if reached or replay.recipe.start(case.subject(replay.subject_id)) in (Start.NOISE, Start.FITTED):
        return
    here, found = state.here(), case.record(StartBill, replay.id)
    if found is not None:
        st.caption(say("charge.found", tries=found.replays, value=f"{found.closeness:.3f}"))
        if found.gaussian_bits is not None:
            st.caption(say("charge.estimates", gaussian=f"{found.gaussian_bits:,.0f}",
                           diffc=f"{found.diffc_bits:,.0f}", error=f"{found.diffc_error:,.0f}"))
        return
    if not case.read_only and st.button(say("charge.go"), help=say("charge.help"), key=f"charge_{replay.id}",
                                        disabled=bool(submit.active(here, "MeasureStart"))):
        submit.submit(here, MeasureStart(case.id, replay.id, here.settings.model))
        st.rerun()
    live.panel(here, "MeasureStart")


def aligned(case: Case, subject: Subject, replay: Replay) -> None:
    """The replay laid over the subject in the ways chosen: the slider, what was done, the scores after it."""
    here = state.here()
    ways = st.pills(say("align.ways"), WAYS, selection_mode="multi", default=WAYS, key="align_ways",
                    format_func=lambda w: say(f"align.{w}"), help=say("align.help"))
    chosen = tuple(w for w in WAYS if w in ways)
    found = case.record(AlignedReplay, f"{replay.id} {' '.join(chosen)}")
    if found is None:
        if not case.read_only and st.button(say("align.go"), key="align", disabled=not chosen or bool(
                submit.active(here, "AlignReplay"))):
            submit.submit(here, AlignReplay(case.id, replay.id, chosen))
            st.rerun()
        live.panel(here, "AlignReplay")
        return
    widgets.compare((say("replay.subject_label"), png_bytes(replay_cards.laid_out(case, subject, replay))),
                    (say("align.label"), case.blob(found.image_sha256)), key=f"aligned_{found.id}", widest_px=480)
    st.markdown(say("align.done", done=plain(found.done)))
    replay_cards.score_list(found.closeness)
    st.caption(say("align.warning"))
