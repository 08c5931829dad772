"""Replays of many prompts that are only judged, not kept: each prompt's outcome once its seeds are through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from explorer.diffusion.models import Model
from explorer.diffusion.sampling import batch_key
from explorer.evidence.incidence_records import Hit, IncidencePlan, PromptOutcome, outcome_id
from explorer.evidence.near_works import Near, Works, nearness
from explorer.records import Environment, Recipe, ReplaySettings
from explorer.run import Engine, Run
from explorer.search.engine import BatchUnit, Made
from explorer.search.expand import expand


@dataclass(frozen=True)
class JudgedReplay:
    """One replay in short; `png` only of a near copy."""

    seed: int
    near: Near
    hit: bool
    flagged: bool
    sha256: str
    unet_evaluations: int
    elapsed_s: float
    png: bytes = b""


@dataclass
class Replayer:
    """Replays prompts with a plan's settings on an engine; `size` is how many images a unit has."""

    plan: IncidencePlan
    model: Model
    works: Works
    engine: Engine
    size: int
    run: Run
    on_environment: Callable[[Environment], None] = lambda record: None
    _waiting: dict[str, list[JudgedReplay]] = field(default_factory=dict)

    def outcomes(self, population: int, lines: Sequence[tuple[int, str]],
                 on_outcome: Callable[[PromptOutcome, dict[str, bytes]], None]) -> None:
        """Every line's outcome, with the near copies' PNGs; lines of one prompt share its replays."""
        by_prompt: dict[str, list[int]] = {}
        for line, prompt in lines:
            by_prompt.setdefault(prompt, []).append(line)

        def full(prompt: str, found: list[JudgedReplay]) -> None:
            for number, line in enumerate(by_prompt[prompt]):
                on_outcome(_outcome(self.plan, population, line, prompt, found, spent=not number),
                           {j.sha256: j.png for j in found if j.png})

        self._each(list(by_prompt), self.plan.steps, self.plan.first_seed, self.plan.seeds, full)

    def first_look(self, prompts: Sequence[str], *, steps: int) -> tuple[dict[str, float], int]:
        """How near to a near copy one short replay of each prompt is (see `nearness`), and what it spent.

        Its seed is the one after the plan's.
        """
        near: dict[str, float] = {}
        spent = 0

        def full(prompt: str, found: list[JudgedReplay]) -> None:
            nonlocal spent
            near[prompt] = nearness(found[0].near, self.plan.rule)
            spent += found[0].unet_evaluations

        self._each(list(dict.fromkeys(prompts)), steps, self.plan.first_seed + self.plan.seeds, 1, full)
        return near, spent

    def _each(self, prompts: Sequence[str], steps: int, first: int, seeds: int,
              full: Callable[[str, list[JudgedReplay]], None]) -> None:
        self._waiting = {}

        def take(_: BatchUnit, made: Made) -> None:
            if made.environment:
                self.on_environment(_where(made))
            nears = self.works.nearest([i.rgb for i in made.images])
            for image, near in zip(made.images, nears, strict=True):
                hit = bool(near.work) and bool(self.plan.rule.holds(near.distance, near.to_next))
                kept = self._waiting.setdefault(image.recipe.prompt, [])
                kept.append(JudgedReplay(image.recipe.seed, near, hit, image.flagged, image.hashes["png"],
                                         image.unet_evaluations, made.share_s, image.png if hit else b""))
                if len(kept) == seeds:
                    full(image.recipe.prompt, sorted(self._waiting.pop(image.recipe.prompt), key=lambda j: j.seed))
            self.run.tick()

        self.engine.run(self._units(prompts, steps, first, seeds), take, run=self.run)

    def _units(self, prompts: Sequence[str], steps: int, first: int, seeds: int) -> Iterator[BatchUnit]:
        part: list[Recipe] = []
        for prompt in prompts:
            for recipe in self._recipes(prompt, steps, first, seeds):
                if part and (len(part) == self.size
                             or batch_key(self.model, recipe) != batch_key(self.model, part[0])):
                    yield BatchUnit(tuple(part))
                    part = []
                part.append(recipe)
        if part:
            yield BatchUnit(tuple(part))

    def _recipes(self, prompt: str, steps: int, first: int, seeds: int) -> list[Recipe]:
        plan = self.plan
        asked = ReplaySettings(prompt, first_seed=first, seeds=seeds, steps=(steps,), guidances=(plan.guidance,),
                               schedulers=(plan.scheduler,), width_px=plan.width_px, height_px=plan.height_px)
        return expand(asked, model=self.model.ref, info=self.model.info)


def _where(made: Made) -> Environment:
    from explorer.diffusion.environment import environment_sha256
    return Environment(environment_sha256(made.environment["sampler"]), made.environment["surroundings"])


def _outcome(plan: IncidencePlan, population: int, line: int, prompt: str, found: Sequence[JudgedReplay], *,
             spent: bool) -> PromptOutcome:
    """`spent` is False for a line whose prompt was counted with an earlier one."""
    nearest = min(found, key=lambda j: j.near.distance)
    hits = tuple(Hit(j.seed, j.near.work, j.near.distance, j.near.to_next, j.sha256)
                 for j in found if j.hit and not j.flagged)
    return PromptOutcome(
        outcome_id(plan.id, population, line), plan.id, population, line, prompt, len(found), hits,
        sum(j.flagged for j in found), sum(j.flagged and j.hit for j in found), nearest.near.distance,
        nearest.near.work, tuple(j.sha256[:16] for j in found),
        sum(j.unet_evaluations for j in found) if spent else 0,
        round(sum(j.elapsed_s for j in found), 3) if spent else 0.0)
