"""Two plots that set results beside what is known: bits against closeness, and dose and response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.cases.case import Case
from explorer.records import Subject
from explorer.records.scores import SCORES
from explorer.world.figures import Card, Dose
from pages.shared import plots
from pages.shared.texts import plain, say

if TYPE_CHECKING:  # scipy comes with these: only a page that draws a plane waits for it
    from explorer.findings.plane import Band, Plane

_HOVER = "%{x:,.0f} bits: %{y:.3f}"
_TICKS = [n * 10 ** e for e in range(8) for n in (1, 2, 5)]  # bits, on a logarithmic axis
_DASHES = {"WebP": "dot", "JPEG": "dash", "AVIF": "dashdot", "thumbnail": "longdashdot"}


def plane(case: Case, subject: Subject, *, score: str, key: str) -> str:
    """Bits supplied against closeness, with controls, what codecs reach and the floor; returns a clicked replay."""
    found = _kept(case, subject, score)
    if found is None:
        return ""
    traces = plots.by_start([(p.start, p.bits, p.closeness, (p.replay_id,)) for p in found.points], hover=_HOVER)
    traces += [_line([p for p in found.codecs if p.codec == name], name, dash)
               for name, dash in _DASHES.items() if any(p.codec == name for p in found.codecs)]
    if found.band:
        traces += _band(found.band)
    if found.tested:
        test = found.tested
        traces.append(plots.dots([(test.bits, test.closeness, (test.replay_id,))], say("plane.tested"), plots.WARM,
                                 "circle-open", hover=_HOVER))
        traces[-1]["marker"] |= {"size": 17, "line": {"width": 2, "color": plots.WARM}}
    layout = _layout(say("plane.bits"), say(f"chart.{SCORES[score].better}", label=SCORES[score].label))
    layout["height"] = 430  # its legend has several rows
    layout["xaxis"] |= {"type": "log", "tickvals": _TICKS, "ticktext": [f"{t:,}" for t in _TICKS]}
    if found.floor is not None:
        bits = [p.bits for p in (*found.points, *found.codecs)]
        traces.append({"type": "scatter", "mode": "lines", "name": say("plane.floor"), "hoverinfo": "skip",
                       "x": [max(1.0, min(bits)), max(bits)], "y": [found.floor] * 2,
                       "line": {"color": plots.GREY, "dash": "longdash", "width": 1}})
    clicked = plots.pick(traces, layout, key=key, alt=say("plane.alt", label=SCORES[score].label))
    st.caption(say("plane.text"))
    stands = _standing(found)
    if stands:
        st.markdown(plain(stands))
    return clicked


def _standing(found: Plane) -> str:
    from explorer.findings.plane import standing
    stands = standing(found)
    return stands.statement if stands else ""


def _kept(case: Case, subject: Subject, score: str) -> Plane | None:
    """The plane, made once for as long as nothing is added to the case."""
    from explorer.findings.case_plane import case_plane
    mark = (case.id, subject.id, score, case.head())
    known = st.session_state.get("plane")
    if known is None or known[0] != mark:
        known = (mark, case_plane(case, subject.id, score=score))
        st.session_state["plane"] = known
    return known[1]


def _line(points: Sequence[Any], name: str, dash: str) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": [p.bits for p in points],
            "y": [p.closeness for p in points], "line": {"color": plots.GREY, "dash": dash, "width": 1.5},
            "hovertemplate": name + ", %{x:,.0f} bits: %{y:.3f}<extra></extra>"}


def _band(band: Band) -> list[dict[str, Any]]:
    name = say("plane.band_adjusted" if band.adjusted else "plane.band")
    edge = {"type": "scatter", "mode": "lines", "x": [max(1.0, band.least_bits), max(1.0, band.most_bits)],
            "line": {"color": plots.GREY, "width": 0}, "hoverinfo": "skip"}
    return [{**edge, "y": [band.close] * 2, "showlegend": False},
            {**edge, "y": [band.far] * 2, "fill": "tonexty", "name": name}]


def doses(card: Card, *, key: str) -> None:
    """The share of works that came back over copies in training, with its 95% interval; and as a table."""
    shown = card.doses
    data = [{"type": "scatter", "mode": "lines+markers", "x": [_times(d) for d in shown],
             "y": [100 * d.share for d in shown], "line": {"color": plots.INK}, "marker": {"size": 9},
             "error_y": {"type": "data", "symmetric": False, "array": [100 * (d.high - d.share) for d in shown],
                         "arrayminus": [100 * (d.share - d.low) for d in shown], "color": plots.GREY},
             "hovertemplate": "%{x}: %{y:.1f}%<extra></extra>"}]
    layout = _layout(say("dose.copies"), say("dose.share"))
    layout["xaxis"]["type"] = "category"
    layout["showlegend"] = False
    plots.draw(data, layout, key=key, alt=say("dose.alt"))
    rows = [say("dose.line", copies=_times(d), works=d.works, came_back=d.came_back, share=100 * d.share,
                low=100 * d.low, high=100 * d.high, distance=d.distance) for d in shown]
    st.markdown("\n".join([say("dose.head"), "|---|---:|---:|---:|---|---:|", *rows]))


def _times(dose: Dose) -> str:
    return say("dose.never") if not dose.copies else f"{dose.copies}"


def _layout(across: str, up: str) -> dict[str, Any]:
    return {"height": 380, "margin": {"l": 8, "r": 8, "t": 56, "b": 40}, "clickmode": "event+select",
            "xaxis": {"title": {"text": across}, "automargin": True},
            "yaxis": {"title": {"text": up}, "automargin": True},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "dragmode": False}
