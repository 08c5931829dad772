"""Replays of a sweep laid out by two or three of their settings (X/Y/Z); light enough for screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from explorer.cases.view import Try
from explorer.records import Start
from explorer.records.scores import sort_key


def _strength(made: Try) -> float | tuple[Start, float] | None:
    """How far the subject was painted over, None from a seed's own noise; other starts stand apart."""
    if made.start in (Start.NOISE, Start.SUBJECT):
        return made.strength
    return made.start, made.strength or 0.0


AXES: dict[str, Callable[[Try], Any]] = {"seed": attrgetter("seed"), "strength": _strength} | {
    name: attrgetter(name) for name in ("guidance", "steps", "scheduler", "prompt")}
MOST_VALUES = 12  # of an axis in one view: those that came closest


@dataclass(frozen=True)
class Sheet:
    """A table for one value of the third axis (None without one): the closest replay of each cell, and of how many.

    `cells` are rows of (try, tries of that cell), None where there is none.
    """

    value: Any
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]
    cells: tuple[tuple[tuple[Try, int] | None, ...], ...]


def varied(tries: Sequence[Try]) -> dict[str, int]:
    """The axes along which these tries differ, each with its number of values."""
    counts = {axis: len(set(map(of, tries))) for axis, of in AXES.items()}
    return {axis: count for axis, count in counts.items() if count > 1}


def sheets(tries: Sequence[Try], *, score: str, x: str, y: str, z: str = "",
           most: int = MOST_VALUES) -> list[Sheet]:
    """Tries that have a value of `score`, by the axes x (columns), y (rows) and z (a sheet a value; "" none).

    Of an axis with more than `most` values those are shown whose best replay came closest.
    """
    key = sort_key(score)
    ranked = sorted((t for t in tries if t.value is not None), key=lambda t: key(t.value))
    columns, rows = _values(ranked, x, most), _values(ranked, y, most)
    found: dict[tuple[Any, Any, Any], list[Try]] = {}
    for made in ranked:
        place = (AXES[z](made) if z else None, AXES[y](made), AXES[x](made))
        found.setdefault(place, []).append(made)
    return [Sheet(value, columns, rows, tuple(
        tuple(_cell(found.get((value, row, column))) for column in columns) for row in rows))
        for value in (_values(ranked, z, most) if z else (None,))]


def _values(ranked: Sequence[Try], axis: str, most: int) -> tuple[Any, ...]:
    closest = list(dict.fromkeys(map(AXES[axis], ranked)))[:most]
    return tuple(sorted(closest, key=lambda v: (v is not None, isinstance(v, tuple), v)))  # plain noise first


def _cell(tries: list[Try] | None) -> tuple[Try, int] | None:
    return (tries[0], len(tries)) if tries else None
