"""Plots (plotly), each from records and with its text alternative; a click on a point names a replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.cases.view import Try
from explorer.findings.series import Point, best_so_far, by_seed, by_strength
from explorer.records import TermGain
from explorer.records.scores import SCORES
from pages.shared import plots
from pages.shared.texts import say


def terms(gains: Sequence[TermGain], *, across: str, alt: str, key: str) -> None:
    """What each term of a prompt adds to a score: horizontal bars, the largest on top."""
    ordered = sorted(gains, key=lambda t: t.gain)
    data = [{"type": "bar", "orientation": "h", "x": [t.gain for t in ordered],
             "y": [t.term for t in ordered], "marker": {"color": plots.INK},
             "hovertemplate": "%{y}: %{x:+.4f}<extra></extra>"}]
    layout = {"height": 60 + 26 * len(ordered), "margin": {"l": 8, "r": 8, "t": 8, "b": 40},
              "xaxis": {"title": {"text": across}}, "yaxis": {"automargin": True}}
    plots.draw(data, layout, key=key, alt=alt)


def race(tries: Sequence[Try], score: str, *, key: str) -> str:
    """Best value so far over tries, seeds from noise and from the subject apart; returns a clicked replay."""
    best, traces = best_so_far(tries, score), _traces(by_seed(tries))
    traces.append({"type": "scatter", "mode": "lines", "name": say("chart.best"), "hoverinfo": "skip",
                   "line": {"shape": "hv", "color": plots.GREY, "width": 2, "dash": "dot"},
                   "x": [p.x for p in best], "y": [p.y for p in best]})
    return _draw(traces, say("chart.try"), score, key, say("chart.race_alt", label=SCORES[score].label))


def any_strength(tries: Sequence[Try]) -> bool:
    """Whether any replay was given the subject, so that there is something to draw over strength."""
    return bool(by_strength(tries))


def strengths(tries: Sequence[Try], score: str, *, key: str) -> str:
    """Closeness over how much of the subject was given away (img2img strength); returns a clicked replay."""
    points = by_strength(tries)
    if not points:
        return ""
    return _draw(_traces(points), say("chart.strength"), score, key,
                 say("chart.strength_alt", label=SCORES[score].label))


def _traces(points: Sequence[Point]) -> list[dict[str, Any]]:
    return plots.by_start([(p.start, p.x, p.y, (p.replay_id, p.label)) for p in points],
                          hover="%{customdata[1]}<br>%{y:.3f}")


def _draw(traces: list[dict[str, Any]], across: str, score: str, key: str, alt: str) -> str:
    layout = {"height": 360, "margin": {"l": 8, "r": 8, "t": 56, "b": 40}, "clickmode": "event+select",
              "xaxis": {"title": {"text": across}, "automargin": True},
              "yaxis": {"title": {"text": say(f"chart.{SCORES[score].better}", label=SCORES[score].label)},
                        "automargin": True},
              "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "dragmode": False}
    return plots.pick(traces, layout, key=key, alt=alt)
