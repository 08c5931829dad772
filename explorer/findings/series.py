"""Replays as series of points for plots, by try, best so far, by strength; and how fast they were made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.cases.case import Case
from explorer.cases.tries import Try
from explorer.closeness.catalogue import is_better, sort_key
from explorer.records import Effort, Recipe, Replay, Subject
from explorer.records.race_records import RaceRound, short_effort
from explorer.texts import say


@dataclass(frozen=True)
class Point:
    """One replay in a plot; `group` is "noise", "subject" or "shaped" (what it started from)."""

    x: float
    y: float
    replay_id: str
    group: str
    label: str


def by_seed(tries: Sequence[Try]) -> list[Point]:
    """Every scored try in the order given, x counting them from 1."""
    return [_point(n, t) for n, t in enumerate((t for t in tries if t.value is not None), 1)]


def best_so_far(tries: Sequence[Try], score: str) -> list[Point]:
    """The closest value reached after each try from noise; tries that were given the subject do not count."""
    found: list[Point] = []
    for point in by_seed(tries):
        better = point.group == "noise" and (not found or is_better(score, point.y, found[-1].y))
        if better:
            found.append(point)
        elif found:
            last = found[-1]
            found.append(Point(point.x, last.y, last.replay_id, last.group, last.label))
    return found


def by_strength(tries: Sequence[Try]) -> list[Point]:
    """Tries that started from the subject, x being the strength, sorted by it."""
    points = [_point(t.strength, t) for t in tries if t.strength is not None and t.value is not None]
    return sorted(points, key=lambda p: p.x)


def _point(x: float, made: Try) -> Point:
    label = say("note.findings.seed", seed=made.seed) if made.strength is None else say(
        "note.findings.seed_strength", seed=made.seed, strength=made.strength)
    return Point(float(x), float(made.value), made.id, group_of(made), label)


def evaluations_per_s(replays: Sequence[Replay]) -> float:
    """Network evaluations a second over these replays, scoring and decoding included; 0 if not known."""
    spent = sum(r.elapsed_s for r in replays)
    return sum(r.unet_evaluations for r in replays) / spent if spent > 0 else 0.0


def group_of(recipe: Recipe | Try) -> str:
    """What an image started from: a picture ("subject"), "shaped" noise, or a seed's own "noise"."""
    if recipe.strength is not None:
        return "subject"
    return "noise" if recipe.noise_blob is None else "shaped"


def best(ranked: Sequence[Replay], *, given: bool) -> Replay | None:
    """The first of replays ranked by closeness that started from a seed's own noise, or (`given`) did not."""
    return next((r for r in ranked if (group_of(r.recipe) != "noise") == given), None)


def closest(case: Case, subject: Subject, score: str) -> dict[str, Replay]:
    """The closest replay from a seed's own noise as "noise", the closest other one as "subject"."""
    found: dict[str, Replay] = {}
    for made in ranked(case.tries(subject.id, score=score), score):
        way = "noise" if group_of(made) == "noise" else "subject"
        if way not in found:
            found[way] = case.replay(made.id)
        if len(found) == 2:
            break
    return found


def case_effort(case: Case, subject: Subject, *, origin: str = "all") -> Effort:
    """Everything spent on a subject, or on replays of one `origin`; with the seeds that races dropped."""
    tries = started_from(case.tries(subject.id), origin)
    spent = Effort(len(tries), sum(t.unet_evaluations for t in tries), sum(t.elapsed_s for t in tries))
    return spent.plus(short_effort(case.records(RaceRound, subject_id=subject.id)))


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


def started_from(tries: Sequence[Try], origin: str) -> list[Try]:
    """Those that started from a seed's "noise", from a picture ("subject"), from "shaped" noise, or "all"."""
    if origin == "all":
        return list(tries)
    return [t for t in tries if group_of(t) == origin]


def distinct(replays: Sequence[Replay]) -> list[Replay]:
    """Those whose very picture none before them has: two searches may have made the same one."""
    first: dict[str, Replay] = {}
    for replay in replays:
        first.setdefault(replay.image_sha256, replay)
    return list(first.values())


def in_rank(replays: Sequence[Replay], score: str) -> list[Replay]:
    """The closest first; those without the score last, in the order given."""
    return _sorted(replays, score, lambda r: r.closeness.get(score))


def ranked(tries: Sequence[Try], score: str) -> list[Try]:
    """The closest first; those without the score last, in the order given."""
    return _sorted(tries, score, lambda t: t.value)


def _sorted(found: Sequence[Any], score: str, value_of: Callable[[Any], float | None]) -> list[Any]:
    order = sort_key(score)
    return sorted(found, key=lambda one: (True, 0.0) if (value := value_of(one)) is None else (False, order(value)))
