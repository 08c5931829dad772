"""What both answers' cards are made of: the p-value beside its sentence, and the picture among its controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.findings.wording import number
from pages.shared import plots
from pages.shared.texts import say

HIGH_PX = 190
_GOLDEN = 0.618034  # spreads the dots' heights evenly; only left and right count


def count(p: float, sentence: str, *, tip: str) -> None:
    """The p-value, whole at any width, with the sentence that says what it counts."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.metric(say("verdict.p"), number(p), help=tip, width="content")
        with st.container(width="stretch"):
            st.markdown(sentence)


def dots(mine: float, theirs: Sequence[float], *, axis: str, alt: str, key: str, turned: bool = False) -> None:
    """Each control a dot, the picture a diamond, the nearer on the right; `turned`: smaller is nearer."""
    heights = [0.5 + 0.7 * ((n * _GOLDEN) % 1 - 0.5) for n in range(len(theirs))]
    traces = [_marks(theirs, heights, say("verdict.dot"), plots.GREY, "circle", 5),
              _marks([mine], [0.5], say("verdict.mine"), plots.WARM, "diamond", 14)]
    plots.draw(traces, _layout(axis, turned=turned), key=key, alt=alt)


def _marks(x: Sequence[float], y: Sequence[float], name: str, colour: str, symbol: str,
           size: int) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": list(x), "y": list(y), "name": name,
            "marker": {"color": colour, "symbol": symbol, "size": size, "opacity": 0.75 if size < 9 else 1,
                       "line": {"width": 1 if size > 9 else 0, "color": "#ffffff"}},
            "hovertemplate": name + ": %{x:.2f}<extra></extra>"}


def _layout(axis: str, *, turned: bool) -> dict[str, Any]:
    return {"height": HIGH_PX, "margin": {"l": 4, "r": 4, "t": 24, "b": 4}, "dragmode": False,
            "xaxis": {"title": {"text": axis, "font": {"size": 12}}, "automargin": True, "zeroline": False,
                      **({"autorange": "reversed"} if turned else {})},
            "yaxis": {"visible": False, "range": [0, 1], "fixedrange": True},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 12}}}
