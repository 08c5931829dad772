"""What a seed race leaves on record: every lane at every checkpoint that it reached; light enough for screens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.records import Effort, Recipe, to_json


@dataclass(frozen=True)
class RaceSetup:
    """The checkpoints that the races of a search keep to, written before the first; `id` is the search's."""

    id: str
    subject_id: str
    steps: tuple[int, ...]  # of the short replays, shortest first
    keep: tuple[float, ...]  # shares of the starters that go on after each
    heat: int  # starters of a full heat
    loss_upper: float | None = None  # upper 95% limit of the chance that the best was dropped; None: unknown
    measured_on: int = 0  # works behind that limit
    score: str = "tiled_l2"  # what the short replays are compared by
    judged: bool = False  # the limit is of works that the checkpoints were not chosen on


@dataclass(frozen=True)
class RaceRound:
    """One checkpoint of one heat: the seeds that reached it, nearest first; the first `kept` went on.

    `distances` are by the setup's score, of replays of `step` steps to the subject; lower is nearer. `number`
    counts checkpoints from 0; the finish, of whole replays of `steps`, is the last. Evaluations and seconds are
    those since the round before.
    The names of round, subject, search and heat are empty until it goes on record.
    """

    id: str = ""
    subject_id: str = ""
    search_id: str = ""
    heat: str = ""
    number: int = 0
    step: int = 0
    steps: int = 0
    seeds: tuple[int, ...] = ()
    distances: tuple[float, ...] = ()
    kept: int = 0
    finish: bool = False
    unet_evaluations: int = 0
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class LaneRecord:
    """One seed of a race: (steps, distance) at each checkpoint, and after which it was dropped."""

    seed: int
    heat: str
    points: tuple[tuple[int, float], ...]
    dropped_at: int | None  # None: it finished, or is still going


def former_name(recipe: Recipe) -> str:
    """How heats of such a recipe were named before recipes had one digest; races that were begun so go on."""
    text = json.dumps(to_json(recipe), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def heats(rounds: Sequence[RaceRound]) -> dict[str, list[RaceRound]]:
    """Rounds by heat, each heat's in order."""
    found: dict[str, list[RaceRound]] = {}
    for one in sorted(rounds, key=lambda r: r.number):
        found.setdefault(one.heat, []).append(one)
    return found


def lanes(rounds: Sequence[RaceRound]) -> list[LaneRecord]:
    """Every lane of every heat, put together from the rounds; heats in order, then seeds."""
    found = []
    for heat, points in heats(rounds).items():
        for seed in sorted(points[0].seeds):
            found.append(_lane(seed, heat, points))
    return found


def _lane(seed: int, heat: str, rounds: Sequence[RaceRound]) -> LaneRecord:
    points, dropped = [], None
    for one in rounds:
        if seed not in one.seeds:
            break
        place = one.seeds.index(seed)
        points.append((one.step, one.distances[place]))
        dropped = one.step if place >= one.kept else None
    return LaneRecord(seed, heat, tuple(points), dropped)


def started(rounds: Sequence[RaceRound]) -> int:
    """Lanes that reached a first checkpoint."""
    return sum(len(r.seeds) for r in rounds if r.number == 0)


def survivors(rounds: Sequence[RaceRound]) -> tuple[int, ...]:
    """Seeds of one heat that its last round let go on."""
    last = max(rounds, key=lambda r: r.number)
    return last.seeds[:last.kept]


def short_effort(rounds: Sequence[RaceRound]) -> Effort:
    """What short replays took, which leave no replay on record; seeds that were dropped are tries as well."""
    short = [r for r in rounds if not r.finish]
    dropped = sum(len(r.seeds) - r.kept for r in short)
    return Effort(dropped, sum(r.unet_evaluations for r in short), sum(r.elapsed_s for r in short))
