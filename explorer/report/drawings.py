"""A report's plots as PNG: drawn without a screen, the same data giving the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from explorer.cases.view import Try
from explorer.findings.plane import Plane
from explorer.findings.series import best_so_far, by_seed
from explorer.records import Start
from explorer.records.scores import SCORES
from explorer.texts import say

_BLUE, _ORANGE, _GREY, _GREEN = "#1f5fa8", "#c4560d", "#8a9099", "#2f7d5b"
_MARKS = {Start.NOISE: (_BLUE, "o"), Start.SUBJECT: (_ORANGE, "^"), Start.REPLAY: (_GREEN, "v"),
          Start.OPTIMISED: (_GREY, "s"), Start.FITTED: (_GREY, "D")}
_CODEC_MARKS = {"WebP": "s", "JPEG": "^", "AVIF": "D"}


def race(tries: Sequence[Try], score: str) -> bytes:
    """Closeness of every replay in the order of trying, and the best so far."""
    figure, axes = _figure(axis_label(score))
    _starts(axes, [(p.start, p.x, p.y) for p in by_seed(tries)], "document.dot")
    line = [(p.x, p.y) for p in best_so_far(tries, score)]
    if line:
        axes.step(*zip(*line, strict=True), where="post", c=_BLUE, lw=1.2, label=say("document.best_far_noise"))
    axes.set_xlabel(say("document.axis_try"))
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def plane(found: Plane) -> bytes:
    """Bits supplied against closeness: replays, the controls' band, codecs, the autoencoder's floor."""
    figure, axes = _figure(axis_label(found.score))
    if found.band:
        across = [max(found.band.least_bits, 1.0), max(found.band.most_bits, 1.0)]
        adjusted = say("document.adjusted_picture") if found.band.adjusted else ""
        axes.fill_between(across, *([edge] * 2 for edge in (found.band.close, found.band.far)), color=_GREY,
                          alpha=0.3, lw=0, label=say("document.least_90_100", adjusted=adjusted))
        axes.plot(across, [found.band.median] * 2, c=_GREY, lw=1, label=say("document.controls_median"))
    _starts(axes, [(p.start, max(p.bits, 1.0), p.closeness) for p in found.points], "document.dots")
    if found.tested is not None:
        axes.scatter([max(found.tested.bits, 1.0)], [found.tested.closeness], s=90, facecolors="none",
                     edgecolors=_ORANGE, label=say("document.measured_test"))
    for codec, mark in _CODEC_MARKS.items():
        points = [(p.bits, p.closeness) for p in found.codecs if p.codec == codec]
        if points:
            axes.plot(*zip(*points, strict=True), marker=mark, ms=3.5, lw=0.8, c=_GREEN, alpha=0.8, label=codec)
    if found.floor is not None:
        axes.axhline(found.floor, c=_GREY, lw=1, ls="--", label=say("document.subject_through_model"))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(say("document.bits_supplied_logarithmic"))
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def controls(mine: Sequence[float], others: Sequence[float], *, label: str, turned: bool = False) -> bytes:
    """Where subjects lie among controls, the closer the farther right; `turned` where less is closer."""
    figure, axes = _figure(label, tall=False)
    axes.scatter(others, [0.5 + 0.35 * ((i * 0.618034) % 1 - 0.5) for i in range(len(others))], s=14, c=_GREY,
                 alpha=0.7, label=say("document.dot_controls"))
    heights = [0.5 + 0.35 * ((i * 0.618034 + 0.5) % 1 - 0.5) for i in range(len(mine))]
    axes.scatter(mine, heights, s=70 if len(mine) == 1 else 30, c=_ORANGE, marker="D",
                 label=say("document.subject") if len(mine) == 1 else say("page_one.works"))
    axes.set_yticks([])
    axes.set_ylabel("")
    axes.set_xlabel(say("document.right_closer", label=label))
    axes.set_ylim(0, 1)
    if turned:
        axes.invert_xaxis()
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _starts(axes: Any, dots: Sequence[tuple[Start, float, float]], section: str) -> None:
    """Dots (start, x, y), each start with its own mark and with its name from a section of the texts."""
    for start, (colour, mark) in _MARKS.items():
        points = [(x, y) for of, x, y in dots if of is start]
        if points:
            axes.scatter(*zip(*points, strict=True), s=14, c=colour, marker=mark, label=say(f"{section}.{start}"),
                         alpha=0.75)


def _figure(label: str, *, tall: bool = True) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.2, 3.6 if tall else 1.45), dpi=160, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e6eb", lw=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.set_ylabel(label)
    return figure, axes


def axis_label(score: str) -> str:
    """A score's name and unit for an axis, and which way is closer."""
    info = SCORES[score]
    unit = f" ({info.unit})" if info.unit else ""
    return say(f"document.axis_{info.better}", label=f"{info.label}{unit}")


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
