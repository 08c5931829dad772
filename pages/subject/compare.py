"""Two images of one case beside each other, such as a work and the image in dispute."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.closeness.pixel_scores import compare
from explorer.images.decode import png_bytes, read_png
from explorer.images.prepare import fit_square
from explorer.records import Subject
from pages.replay import replay_cards
from pages.shared import widgets
from pages.shared.texts import say

MOST_PX = 512
SHOWN = ("tiled_l2", "ssim", "psnr", "phash")


def draw(case: Case, subject: Subject) -> None:
    """Folded away: the choice of the other image, the slider, and how near the two are; nothing for one image."""
    others = {s.id: s for s in case.subjects() if s.id != subject.id}
    if not others:
        return
    with st.expander(say("subject.beside"), icon=":material/compare:"):
        picked = st.selectbox(say("subject.beside_which"), list(others), format_func=lambda i: others[i].name,
                              key=f"beside_which_{subject.id}")
        side = min(MOST_PX, max(subject.width_px, subject.height_px))
        st.markdown(say("subject.beside_text", side=side))
        mine, theirs = (fit_square(read_png(case.blob(s.pixels_sha256)), side) for s in (subject, others[picked]))
        picture, figures = st.columns(2, gap="large")
        with picture:
            heat, mask = replay_cards.covers(mine, png_bytes(theirs))
            widgets.compare((subject.name, png_bytes(mine)), (others[picked].name, png_bytes(theirs)),
                            key=f"subjects_{subject.id}_{picked}", heat=heat, mask=mask, widest_px=480)
        with figures:
            replay_cards.score_list(compare(mine, theirs, only=SHOWN))
