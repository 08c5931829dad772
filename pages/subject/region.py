"""A part of the subject: marked by dragging on the picture, or by two sliders."""

from __future__ import annotations

import streamlit as st

from pages.shared import widgets
from pages.shared.state import Here
from pages.shared.texts import say

_region = widgets.component("region")
_WHOLE = (0, 0, 100, 100)  # left, top, right, bottom in percent


def choose(now: Here) -> tuple[float, ...]:
    """The part that is marked as (left, top, right, bottom) in [0, 1]; () for the whole picture."""
    subject = now.open_subject
    kept = f"region {subject.id}"
    marked, times = st.session_state.get(kept, (_WHOLE, 0))  # drawing anew makes the sliders anew
    picture, sides = st.columns([2, 3], gap="medium", vertical_alignment="center")
    with sides:
        left, right = st.slider(say("region.across"), 0, 100, (marked[0], marked[2]), format="%d %%",
                                key=f"{kept} across {times}")
        top, bottom = st.slider(say("region.down"), 0, 100, (marked[1], marked[3]), format="%d %%",
                                key=f"{kept} down {times}")
        st.caption(say("region.how"))
    box = (left / 100, top / 100, right / 100, bottom / 100)
    with picture:
        data = {"src": widgets.data_address(now.open_case.blob(subject.pixels_sha256)), "box": box,
                "alt": say("region.alt", name=subject.name)}
        _region(data=data, key=f"{kept} drawn", on_box_change=lambda: _take(kept, times))
    return () if box == (0, 0, 1, 1) else box


def _take(kept: str, times: int) -> None:
    """Keeps what was drawn for the sliders."""
    box = getattr(st.session_state.get(f"{kept} drawn"), "box", None)
    if box:
        st.session_state[kept] = (tuple(round(100 * share) for share in box), times + 1)
