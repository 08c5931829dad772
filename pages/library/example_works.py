"""Works of the bundled world to try: one click makes a case of one and runs the whole loop."""

from __future__ import annotations

import streamlit as st

from explorer.records.policy import Policy
from explorer.settings import WORLD
from explorer.world.example_picks import Example, read_examples
from pages.shared import state, widgets
from pages.shared.texts import plain, say
from pages.tasks import submit


def two(now: state.Here) -> None:
    """The most copied work and one that the model never saw, side by side, each with its button."""
    found = read_examples(WORLD)
    pair = [next((e for e in found if e.story == story), None) for story in ("copied", "held_out")]
    shown = [e for e in pair if e is not None]
    if not shown:
        widgets.empty("examples")
        return
    for column, example in zip(st.columns(2), shown, strict=False):
        with column.container(border=True):
            card(now, example, primary=example.story == "copied")


def card(now: state.Here, example: Example, *, primary: bool = False) -> None:
    """One work: picture, title, artist, what its story is, and the button that runs it."""
    picture, words = st.columns([2, 3], vertical_alignment="center")
    with picture:
        widgets.picture(example.picture(WORLD), width_px=220,
                        alt=say("works.alt", title=example.title, creator=example.creator))
    with words:
        st.markdown(f"**{say(f'story.{example.story}', n=example.multiplicity)}**")
        st.markdown(say("story.by", title=plain(example.title), creator=plain(example.creator)))
        st.caption(say(f"story.{example.story}_expect"))
        if st.button(say("start.try"), key=f"try_{example.id}", type="primary" if primary else "secondary",
                     icon=":material/play_arrow:"):
            run(now, example)


def run(now: state.Here, example: Example) -> None:
    """Makes a case of the work, puts the loop on the queue and opens the case."""
    case = now.store.create(say("story.case", title=example.title),
                            question=say(f"story.{example.story}_question"))
    subject = case.add_subject(example.picture(WORLD), f"{example.title}.webp", origin="example",
                               caption="", work_id=example.id)
    submit.demonstrate(now, case.id, subject.id, submit.default_replays(), Policy())
    state.go("subject", case_id=case.id, subject_id=subject.id)
