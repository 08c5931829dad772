"""Memorisation signals of the prompt in use: what the model does with the words, whatever the image."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.signals.readings import SignalReading
from explorer.findings.signals.signal_list import SIGNALS, possible
from explorer.jobs.tasks import MeasureSignals
from explorer.records import Subject
from explorer.records.families import facts
from pages.findings import familiarity_panel
from pages.replay import charts
from pages.shared import state, widgets
from pages.shared.texts import plain, say
from pages.tasks import live, submit

_TASK = "MeasureSignals"


def panel(case: Case, subject: Subject) -> None:
    """Draws the newest reading of the subject's prompt, and the button that measures one."""
    if has(case, subject):
        live.follow(lambda: _draw(case, subject), _TASK)


def has(case: Case, subject: Subject) -> bool:
    """Whether there is anything to draw: a reading, or that one can be made."""
    return not case.read_only or bool(case.records(SignalReading, subject_id=subject.id))


def _draw(case: Case, subject: Subject) -> None:
    here = state.here()
    with st.container(border=True):
        st.markdown(f"**{say('signals.title')}**")
        st.markdown(say("signals.text"))
        found = case.records(SignalReading, subject_id=subject.id)
        prompt = case.chosen_prompt(subject.id)
        if found:
            _reading(case, found[-1], in_use=prompt)
        live.panel(here, _TASK)
        if submit.active(here, _TASK) or case.read_only:
            return
        if not prompt:
            st.caption(say("signals.no_prompt"))
        elif st.button(say("signals.start"), key=f"signals_{subject.id}", help=say("signals.start_help")):
            submit.submit(here, MeasureSignals(case.id, subject.id, prompt, here.settings.model))
            st.rerun()


def _reading(case: Case, reading: SignalReading, *, in_use: str) -> None:
    st.caption(say("signals.line", prompt=plain(reading.prompt), first=reading.seeds[0], last=reading.seeds[-1],
                   steps=reading.steps, guidance=f"{reading.guidance:g}",
                   evaluations=f"{reading.unet_evaluations:,}", seconds=f"{reading.elapsed_s:.0f}"))
    if in_use and reading.prompt != in_use:
        st.warning(say("signals.stale"), icon=":material/history:")
    rows = [f"| {SIGNALS[name].label} | {value:.4g} | {SIGNALS[name].plain} | {SIGNALS[name].blind_to} |"
            for name, value in reading.values.items() if name in SIGNALS]
    rows += familiarity_panel.signal_rows(case, reading.subject_id)
    st.markdown("\n".join([say("signals.head"), "|---|---|---|---|", *rows]))
    lacking = [SIGNALS[name].label for name in SIGNALS if name not in possible(reading.model.family)]
    if lacking:
        st.caption(say("signals.lacking", family=facts(reading.model.family).label, signals=", ".join(lacking)))
    if reading.mask_blob:
        left, right = st.columns(2)
        with left:
            widgets.picture(case.blob(reading.image_blob), alt=say("signals.image_alt"), width_px=256)
        with right:
            widgets.picture(case.blob(reading.mask_blob), alt=say("signals.mask_alt"), width_px=256)
        st.caption(say("signals.mask"))
    if reading.words:
        st.markdown(f"**{say('signals.words')}**")
        st.caption(say("signals.words_text"))
        charts.terms(reading.words, across=say("signals.words_across"), alt=say("signals.words_alt"),
                     key=f"words_{reading.id}")
