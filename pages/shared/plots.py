"""Plots from plain values, through plotly; in some a click on a point names what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.records import Start
from pages.shared.texts import say

INK, WARM, GREY, GREEN = "#2f8591", "#b8722f", "#7d8288", "#5b8f3a"
STARTS = {Start.NOISE: (INK, "circle"), Start.SUBJECT: (WARM, "diamond"), Start.REPLAY: (GREEN, "triangle-up"),
          Start.OPTIMISED: (GREY, "square"), Start.FITTED: (GREY, "cross")}  # its mark in every plot
_FEW = 200  # points that are drawn large
_CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}
Traces = Sequence[dict[str, Any]]


def draw(traces: Traces, layout: dict[str, Any], *, key: str, alt: str) -> None:
    """A plot that is only looked at."""
    _chart(traces, layout, key=key, alt=alt)


def pick(traces: Traces, layout: dict[str, Any], *, key: str, alt: str) -> str:
    """A plot to click at; returns the first of the clicked point's `customdata`, "" while none is clicked."""
    state = _chart(traces, layout, key=key, alt=alt, on_select="rerun", selection_mode="points")
    points = state.selection.points if state and state.selection else []
    return points[0]["customdata"][0] if points and points[0].get("customdata") else ""


def dots(points: Sequence[tuple[float, float, Sequence[str]]], name: str, colour: str, symbol: str, *,
         hover: str) -> dict[str, Any]:
    """A trace of points (x, y, what a click on it names and `hover` may show)."""
    few = len(points) <= _FEW
    return {"type": "scatter", "mode": "markers", "name": name, "x": [p[0] for p in points],
            "y": [p[1] for p in points], "customdata": [list(p[2]) for p in points],
            "marker": {"color": colour, "size": 9 if few else 5, "symbol": symbol,
                       "line": {"width": 1 if few else 0, "color": "#ffffff"}},
            "hovertemplate": f"{hover}<extra></extra>"}


def by_start(points: Sequence[tuple[Start, float, float, Sequence[str]]], *, hover: str) -> list[dict[str, Any]]:
    """Traces of points (start, x, y, what a click names), one for each start that there is."""
    found = {start: [p[1:] for p in points if p[0] is start] for start in STARTS}
    return [dots(found[start], say(f"chart.{start}"), *mark, hover=hover)
            for start, mark in STARTS.items() if found[start]]


def _chart(traces: Traces, layout: dict[str, Any], **more: Any) -> Any:
    # Plotly asks for pandas' types as soon as pandas is there at all: while another session's thread is still
    # loading it, half of it. This waits until it is whole.
    import pandas  # noqa: F401
    return st.plotly_chart({"data": list(traces), "layout": layout}, config=_CONFIG, **more)
