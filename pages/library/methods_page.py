"""Methods: how to read a result, what every score means and misses, and the words."""

from __future__ import annotations

import streamlit as st

from explorer.records.scores import SCORES
from explorer.settings import WORLD
from explorer.world.figures import read_card
from pages.findings import measured_panel, planes
from pages.replay import replay_cards
from pages.shared.texts import plain, say, texts_of

PARTS = (("methods.how", "how"), ("methods.glossary", "words"), ("findings.theft", "theft"),
         ("dose.title", "doses"), ("methods.rates", "rates"), ("methods.scores", "scores"))

st.title(say("methods.title"))
st.markdown(say("methods.lead"))
st.markdown(" · ".join(f"[{say(key)}](#{anchor})" for key, anchor in PARTS))
st.header(say("methods.how"), anchor="how")
st.markdown(say("methods.how_text"))
st.header(say("methods.glossary"), anchor="words")
words = sorted((text.split(": ", 1) for text in texts_of("glossary").values()), key=lambda item: item[0].lower())
st.markdown("\n".join(f"- **{word}**: {meaning}" for word, meaning in words))
st.header(say("findings.theft"), anchor="theft")
shows, cannot = st.columns(2, gap="large")
shows.markdown(say("findings.shows"))
cannot.markdown(say("findings.cannot"))

card = read_card(WORLD)
if card is not None:
    st.header(say("dose.title"), anchor="doses")
    st.markdown(say("dose.text", seeds=card.seeds, steps=card.steps, guidance=f"{card.guidance:g}",
                    limit=f"{card.near_copy:g}", margin=f"{card.margin:g}", print=card.fingerprint[:12]))
    planes.doses(card, key="doses")

st.header(say("methods.rates"), anchor="rates")
st.markdown(say("methods.rates_text"))
measured_panel.rates(WORLD)

st.header(say("methods.scores"), anchor="scores")
st.markdown(say("methods.scores_text"))
rows = [f"| **{s.label}** | {replay_cards.reading(n)} | {plain(s.plain)} | {plain(s.blind_to)} "
        f"| {plain(s.source) or '–'} |" for n, s in SCORES.items()]
st.markdown("\n".join([say("methods.scores_head"), "|---|---|---|---|---|", *rows]))

st.caption(say("methods.references"))
