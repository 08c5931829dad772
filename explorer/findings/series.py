"""Replays as series of points for plots, by try, best so far, by strength; the closest; what they took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.cases.view import CaseView, Try
from explorer.records import Effort, Replay, Start, Subject
from explorer.records.race_records import RaceRound, short_effort
from explorer.records.scores import is_better, sort_key
from explorer.texts import say


@dataclass(frozen=True)
class Point:
    """One replay in a plot."""

    x: float
    y: float
    replay_id: str
    start: Start
    label: str


def by_seed(tries: Sequence[Try]) -> list[Point]:
    """Every scored try in the order given, x counting them from 1."""
    return [_point(n, t) for n, t in enumerate((t for t in tries if t.value is not None), 1)]


def best_so_far(tries: Sequence[Try], score: str) -> list[Point]:
    """The closest value reached after each try from a seed's own noise; tries that were given more do not count."""
    found: list[Point] = []
    for point in by_seed(tries):
        better = point.start is Start.NOISE and (not found or is_better(score, point.y, found[-1].y))
        if better:
            found.append(point)
        elif found:
            last = found[-1]
            found.append(Point(point.x, last.y, last.replay_id, last.start, last.label))
    return found


def by_strength(tries: Sequence[Try]) -> list[Point]:
    """Tries that started from the subject, x being the strength, sorted by it."""
    points = [_point(t.strength, t) for t in tries if t.start is Start.SUBJECT and t.value is not None]
    return sorted(points, key=lambda p: p.x)


def _point(x: float, made: Try) -> Point:
    label = say("note.findings.seed", seed=made.seed) if made.strength is None else say(
        "note.findings.seed_strength", seed=made.seed, strength=made.strength)
    return Point(float(x), float(made.value), made.id, made.start, label)


def evaluations_per_s(replays: Sequence[Replay]) -> float:
    """Network evaluations a second over these replays, scoring and decoding included; 0 if not known."""
    spent = sum(r.elapsed_s for r in replays)
    return sum(r.unet_evaluations for r in replays) / spent if spent > 0 else 0.0


@dataclass(frozen=True)
class Closest:
    """A subject's closest replay from a seed's own noise, and the closest of those that were given more."""

    noise: Replay | None
    given: Replay | None


def closest(case: CaseView, subject: Subject, score: str) -> Closest:
    """The closest replays by a score; None where there is none that has it."""
    order = [t for t in ranked(case.tries(subject.id, score=score), score) if t.value is not None]
    found = (next((t for t in order if (t.start is Start.NOISE) == plain), None) for plain in (True, False))
    return Closest(*(made and case.replay(made.id) for made in found))


def case_effort(case: CaseView, subject: Subject, *, start: Start | None = None) -> Effort:
    """Everything spent on a subject, or on replays of one start; with the seeds that races dropped."""
    tries = started_from(case.tries(subject.id), start)
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


def started_from(tries: Sequence[Try], start: Start | None) -> list[Try]:
    """Those of one start, or all of them."""
    return [t for t in tries if start in (None, t.start)]


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
