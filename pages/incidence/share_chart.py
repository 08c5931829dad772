"""Shares of near copies with their limits, one line a population, both sides' under one another."""

from __future__ import annotations

from explorer.evidence.incidence_results import IncidenceResult
from explorer.evidence.incidence_words import population_name
from pages.shared import plots
from pages.shared.texts import say


def draw(found: IncidenceResult, *, key: str) -> None:
    """Draws the populations that have an estimate; an arrow's end alone where there is only an upper limit."""
    parts = [p for p in reversed(found.populations) if p.estimate is not None]
    if not parts:
        return
    shares = [100 * p.estimate.share for p in parts]
    names = [population_name(p.declared) for p in parts]
    trace = {"type": "scatter", "mode": "markers", "x": shares, "y": names,
             "marker": {"color": plots.INK, "size": 10},
             "error_x": {"type": "data", "symmetric": False, "color": plots.INK,
                         "array": [100 * p.estimate.high - s for p, s in zip(parts, shares, strict=True)],
                         "arrayminus": [s - 100 * p.estimate.low for p, s in zip(parts, shares, strict=True)]},
             "hovertemplate": "%{y}: %{x:.2f} %<extra></extra>"}
    layout = {"height": 80 + 44 * len(parts), "margin": {"l": 8, "r": 8, "t": 8, "b": 40}, "dragmode": False,
              "xaxis": {"title": {"text": say("incidence.axis")}, "rangemode": "tozero"},
              "yaxis": {"automargin": True, "type": "category"}}
    plots.draw([trace], layout, key=key, alt=say("incidence.chart_alt"))
