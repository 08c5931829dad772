"""Replays of a sweep laid out by two or three of their settings (X/Y/Z); light enough for screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.closeness.catalogue import sort_key
from explorer.records import Recipe, Replay

AXES: dict[str, Callable[[Recipe], Any]] = {
    "seed": lambda r: r.seed, "strength": lambda r: r.strength, "guidance": lambda r: r.guidance,
    "steps": lambda r: r.steps, "scheduler": lambda r: r.scheduler, "prompt": lambda r: r.prompt}
MOST_VALUES = 12  # of an axis in one view: those that came closest


@dataclass(frozen=True)
class Sheet:
    """A table for one value of the third axis (None without one): the closest replay of each cell, and of how many.

    `cells` are rows of (replay, replays of that cell), None where there is none.
    """

    value: Any
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]
    cells: tuple[tuple[tuple[Replay, int] | None, ...], ...]


def varied(replays: Sequence[Replay]) -> dict[str, int]:
    """The axes along which these replays differ, each with its number of values."""
    counts = {axis: len({of(r.recipe) for r in replays}) for axis, of in AXES.items()}
    return {axis: count for axis, count in counts.items() if count > 1}


def sheets(replays: Sequence[Replay], *, score: str, x: str, y: str, z: str = "",
           most: int = MOST_VALUES) -> list[Sheet]:
    """Replays that have the score, by the axes x (columns), y (rows) and z (a sheet a value; "" none).

    Of an axis with more than `most` values those are shown whose best replay came closest.
    """
    key = sort_key(score)
    ranked = sorted((r for r in replays if score in r.closeness), key=lambda r: key(r.closeness[score]))
    columns, rows = _values(ranked, x, most), _values(ranked, y, most)
    found: dict[tuple[Any, Any, Any], list[Replay]] = {}
    for replay in ranked:
        place = (AXES[z](replay.recipe) if z else None, AXES[y](replay.recipe), AXES[x](replay.recipe))
        found.setdefault(place, []).append(replay)
    return [Sheet(value, columns, rows, tuple(
        tuple(_cell(found.get((value, row, column))) for column in columns) for row in rows))
        for value in (_values(ranked, z, most) if z else (None,))]


def _values(ranked: Sequence[Replay], axis: str, most: int) -> tuple[Any, ...]:
    closest = list(dict.fromkeys(AXES[axis](r.recipe) for r in ranked))[:most]
    return tuple(sorted(closest, key=lambda v: (v is not None, v)))  # from noise (no strength) first


def _cell(replays: list[Replay] | None) -> tuple[Replay, int] | None:
    return (replays[0], len(replays)) if replays else None
