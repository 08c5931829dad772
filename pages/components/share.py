"""Take a view along: its address, and a picture of subject and replay with caption, source and method."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.closeness.catalogue import SCORES, shown
from explorer.images.door import read_png
from explorer.records import Replay, Subject
from explorer.report.press import press_picture
from pages.components import replays, widgets
from pages.components.texts import say

SCORE = "tiled_l2"


def draw(case: Case, subject: Subject, replay: Replay, *, title: str, source: str) -> None:
    """The address of this view to copy, and the picture for an article."""
    with st.expander(say("share.title"), icon=":material/share:"):
        if st.context.url:
            st.markdown(say("share.link"))
            st.code(_address(), language=None, wrap_lines=True)
        made = f"share_{replay.id}"
        if st.button(say("share.make"), icon=":material/newspaper:", key=f"make_{made}"):
            st.session_state[made] = _picture(case, subject, replay, title, source)
        if made in st.session_state:
            widgets.picture(st.session_state[made], alt=say("share.alt"), width_px=520)
            st.download_button(say("share.save"), st.session_state[made], icon=":material/download:",
                               file_name=f"afterimage-{replay.id[:12]}.png", mime="image/png",
                               on_click="ignore", key=f"save_{made}")


def _address() -> str:
    given = "&".join(f"{k}={v}" for k, v in st.query_params.items())
    return f"{str(st.context.url).split('?')[0]}?{given}"


def _picture(case: Case, subject: Subject, replay: Replay, title: str, source: str) -> bytes:
    recipe = replay.recipe
    start = say("share.noise") if recipe.start_sha256 is None else say("share.given",
                                                                       strength=f"{recipe.strength or 0:g}")
    value = replay.closeness.get(SCORE)
    lines = [source,
             say("share.method", start=start, prompt=recipe.prompt, seed=recipe.seed, steps=recipe.steps,
                 guidance=f"{recipe.guidance:g}", scheduler=recipe.scheduler, print=recipe.model.fingerprint[:16]),
             say("share.close", label=SCORES[SCORE].label, value=shown(SCORE, value) if value is not None else "–",
                 scale=replays.reading(SCORE), tries=case.count_replays(subject.id)),
             say("share.limits")]
    return press_picture(replays.laid_out(case, subject, replay), read_png(case.blob(replay.image_sha256)),
                         labels=(say("replay.subject_label"), say("replay.replay_label")), title=title, lines=lines)
