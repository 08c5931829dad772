"""What stands on record of an incidence plan: the plan, the draw, every prompt's outcome, every planned look."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.records import ModelRef
from explorer.world.near_copy import NearCopyRule

NO_MARGIN = 1e9  # a rule's margin where distances to other works do not matter


@dataclass(frozen=True)
class Declared:
    """A population as it was fixed: `prompts` lines in the file `sha256` names, of which `planned` are drawn."""

    name: str
    side: str
    kind: str
    sha256: str
    prompts: int
    planned: int


@dataclass(frozen=True)
class Protected:
    """The works that a near copy may be of, and how many others the rule knows; `sha256` names the list of all."""

    source: str
    works: int
    others: int
    sha256: str
    only: tuple[str, ...] = ()  # as it was asked for
    rivals: str = ""


@dataclass(frozen=True)
class IncidencePlan:
    """All that was fixed before the first replay; a plan that is gone on with keeps to it."""

    id: str
    question: str
    populations: tuple[Declared, ...]
    works: Protected
    rule: NearCopyRule
    model: ModelRef
    seeds: int
    first_seed: int
    steps: int
    guidance: float
    scheduler: str
    width_px: int
    height_px: int
    design: str
    looks: tuple[float, ...]
    confidence: float
    enough: float
    environment_sha256: str
    agreed_sha256: str = ""  # the agreed plan that was on record then
    earlier: int = 0  # incidence plans of this case before it
    elsewhere: int = 0  # incidence plans of this model in other cases of the workspace before it


@dataclass(frozen=True)
class FirstLook:
    """Part of a first look: one short replay of each prompt from `start` on, and how near it was to a near copy.

    `scores` below 1 are near copies; see evidence.near_works.nearness.
    """

    id: str
    incidence_id: str
    population: int
    start: int
    scores: tuple[float, ...]
    unet_evaluations: int


@dataclass(frozen=True)
class Drawn:
    """Which prompts of a population are replayed, by line number from 0, in the order in which they are.

    `strata` (one a drawn prompt) and `sizes` (lines of each stratum) are of a stratified draw, `chances` of a
    weighted one, in which a line may stand more than once.
    """

    id: str
    incidence_id: str
    population: int
    seed: str
    order: tuple[int, ...]
    strata: tuple[str, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    chances: tuple[float, ...] = ()


@dataclass(frozen=True)
class Hit:
    """One near copy: the seed, the work's name, the tiled distances, and the picture's blob."""

    seed: int
    work: str
    distance: float
    to_next: float
    image_sha256: str


@dataclass(frozen=True)
class PromptOutcome:
    """What came of one prompt: every replay is a hit, a miss or a refusal (withheld by the model's own checker).

    `refused_hits` of the refusals were near copies all the same. `pictures` are the first 16 digits of every
    replay's SHA-256, by seed, so that anybody can make them again and compare.
    """

    id: str
    incidence_id: str
    population: int
    line: int
    prompt: str
    replays: int
    hits: tuple[Hit, ...]
    refused: int
    refused_hits: int
    nearest: float
    nearest_work: str
    pictures: tuple[str, ...]
    unet_evaluations: int
    elapsed_s: float

    @property
    def misses(self) -> int:
        """Replays that were shown and are no near copy."""
        return self.replays - self.refused - len(self.hits)


@dataclass(frozen=True)
class IncidenceLook:
    """A planned look at results, when it was due: limits of each population with this look's own confidence."""

    id: str
    incidence_id: str
    number: int  # from 0
    share: float  # of the plan
    confidence: float
    prompts: tuple[int, ...]
    shares: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    ended: bool  # whether the plan ends here


def drawn_id(incidence_id: str, population: int) -> str:
    return f"{incidence_id}/{population}"


def outcome_id(incidence_id: str, population: int, line: int) -> str:
    return f"{incidence_id}/{population}/{line}"
