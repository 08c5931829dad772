"""Replays as series of points for plots, by try, best so far, by strength; and how fast they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.cases.case import Case
from explorer.closeness.catalogue import is_better, sort_key
from explorer.records import Effort, Recipe, Replay, Subject
from explorer.search.lanes import RaceRound, dropped_effort


@dataclass(frozen=True)
class Point:
    """One replay in a plot; `group` is "noise", "subject" or "shaped" (what it started from)."""

    x: float
    y: float
    replay_id: str
    group: str
    label: str


def by_seed(replays: Sequence[Replay], score: str) -> list[Point]:
    """Every scored replay in the order given, x counting tries from 1."""
    scored = [r for r in replays if r.closeness.get(score) is not None]
    return [_point(n, r, score) for n, r in enumerate(scored, 1)]


def best_so_far(replays: Sequence[Replay], score: str) -> list[Point]:
    """The closest value reached after each try from noise; tries that were given the subject do not count."""
    found: list[Point] = []
    for point in by_seed(replays, score):
        better = point.group == "noise" and (not found or is_better(score, point.y, found[-1].y))
        if better:
            found.append(point)
        elif found:
            last = found[-1]
            found.append(Point(point.x, last.y, last.replay_id, last.group, last.label))
    return found


def by_strength(replays: Sequence[Replay], score: str) -> list[Point]:
    """Replays that started from the subject, x being the strength, sorted by it."""
    points = [_point(r.recipe.strength, r, score) for r in replays
              if r.recipe.strength is not None and r.closeness.get(score) is not None]
    return sorted(points, key=lambda p: p.x)


def _point(x: float, replay: Replay, score: str) -> Point:
    given = replay.recipe.strength
    label = f"seed {replay.recipe.seed}" + ("" if given is None else f", strength {given:g}")
    return Point(float(x), float(replay.closeness[score]), replay.id, group_of(replay.recipe), label)


def evaluations_per_s(replays: Sequence[Replay]) -> float:
    """Network evaluations a second over these replays, scoring and decoding included; 0 if not known."""
    spent = sum(r.elapsed_s for r in replays)
    return sum(r.unet_evaluations for r in replays) / spent if spent > 0 else 0.0


def group_of(recipe: Recipe) -> str:
    """What an image started from: a picture ("subject"), "shaped" noise, or a seed's own "noise"."""
    if recipe.strength is not None:
        return "subject"
    return "noise" if recipe.noise_blob is None else "shaped"


def best(ranked: Sequence[Replay], *, given: bool) -> Replay | None:
    """The first of replays ranked by closeness that started from a seed's own noise, or (`given`) did not."""
    return next((r for r in ranked if (group_of(r.recipe) != "noise") == given), None)


def total_effort(replays: Sequence[Replay]) -> Effort:
    """What these replays took together."""
    return Effort(len(replays), sum(r.unet_evaluations for r in replays), sum(r.elapsed_s for r in replays))


def case_effort(case: Case, subject: Subject, *, replays: Sequence[Replay] | None = None) -> Effort:
    """Everything spent on a subject: all its replays (read if not given), and the seeds that races dropped."""
    if replays is None:
        replays = case.replays(subject.id, order_by="time", limit=-1)
    return total_effort(replays).plus(dropped_effort(case.records(RaceRound, subject_id=subject.id)))


@dataclass(frozen=True)
class Page:
    """One page of a long list: `number` from 1, `length` entries each."""

    number: int
    length: int

    @property
    def first(self) -> int:
        return (self.number - 1) * self.length


def pages_of(total: int, length: int) -> int:
    """How many pages of `length` a list of `total` fills; at least 1."""
    return max(1, -(-total // length))


def started_from(replays: Sequence[Replay], origin: str) -> list[Replay]:
    """Those that started from a seed's "noise", from a picture ("subject"), from "shaped" noise, or "all"."""
    if origin == "all":
        return list(replays)
    return [r for r in replays if group_of(r.recipe) == origin]


def distinct(replays: Sequence[Replay]) -> list[Replay]:
    """Those whose very picture none before them has: two searches may have made the same one."""
    first: dict[str, Replay] = {}
    for replay in replays:
        first.setdefault(replay.image_sha256, replay)
    return list(first.values())


def in_rank(replays: Sequence[Replay], score: str) -> list[Replay]:
    """The closest first; those without the score last, in the order given."""
    order = sort_key(score)
    return sorted(replays, key=lambda r: (True, 0.0) if r.closeness.get(score) is None
                  else (False, order(r.closeness[score])))
