"""What an incidence plan declares before its first replay; light enough for screens and tasks."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("log", "list", "captions", "rewordings")  # of populations
DESIGNS = ("simple", "stratified", "listed", "weighted")
CARLINI = 0.15  # tiled distance below which Carlini et al. 2023 count a near copy


@dataclass(frozen=True)
class PopulationAsked:
    """A population of prompts: its name, who named it, and the blob of its file.

    `kind` says what it is: a "log" of real prompts, a "list" of one's own, "captions" of the works, or "rewordings"
    of their titles. A line that a log has twice counts twice. With `sha256` "" captions or rewordings are made from
    the works' own words. `prompts` is how many are drawn; 0 takes what the planned precision needs.
    """

    name: str
    kind: str = "list"
    side: str = ""
    sha256: str = ""
    prompts: int = 0


@dataclass(frozen=True)
class IncidenceSettings:
    """All that is fixed before the first replay of an incidence plan.

    `works` is "case" (the case's own subjects), "world", a collection's index folder, or a folder of pictures; of
    these `only` (ids, file names or a creator's name) are protected, and the others are rivals of the near-copy
    rule. A replay is a near copy of a protected work when its tiled distance at 64 px is below `absolute` and below
    `margin` times that to the nearest other work (0: no such second part).

    Precision: with `limit`, so many prompts that none with a hit puts the one-sided upper limit at or below it;
    with `share` and `reach`, so many that an expected share is known to about ± reach. `looks` are the shares of
    the plan at which results are looked at; at a look before the last the plan ends where the limits of every
    population are at most `enough` apart (0: never).
    """

    populations: tuple[PopulationAsked, ...]
    question: str = ""
    works: str = "case"
    only: tuple[str, ...] = ()
    rivals: str = ""  # "world", a collection's index folder or a folder: further works, never protected
    absolute: float = CARLINI
    margin: float = 0.0
    seeds: int = 16
    first_seed: int = 0
    steps: int = 0  # 0: the model's own
    guidance: float = 0.0
    scheduler: str = "euler"
    width_px: int = 0
    height_px: int = 0
    design: str = "simple"
    limit: float = 0.01
    share: float = 0.0
    reach: float = 0.0
    looks: tuple[float, ...] = (1.0,)
    enough: float = 0.0
    confidence: float = 0.95
