"""Plots from plain values, through plotly; in some a click on a point names what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

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


def _chart(traces: Traces, layout: dict[str, Any], **more: Any) -> Any:
    # Plotly asks for pandas' types as soon as pandas is there at all: while another session's thread is still
    # loading it, half of it. This waits until it is whole.
    import pandas  # noqa: F401
    return st.plotly_chart({"data": list(traces), "layout": layout}, config=_CONFIG, **more)
