"""Runs a search as seed races: heats of seeds, lanes dropped at checkpoints, finished lanes as Replays."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.environment import environment, environment_sha256
from explorer.diffusion.models import Model, is_out_of_memory, out_of_memory, release
from explorer.errors import Cancelled
from explorer.jobs.tasks import RunSearch
from explorer.records import Effort, Progress, Recipe, Replay, Tick, recipe_digest
from explorer.records.race_records import RaceRound, RaceSetup, former_name, heats, started, survivors
from explorer.search.engine import Engine, HeatUnit
from explorer.search.race import RaceResult, plan_of, race
from explorer.search.race_plan import heat_keeps
from explorer.search.run import Event, Search
from explorer.search.stops import ended_by
from explorer.texts import say


@dataclass(frozen=True)
class Heat:
    """Lanes that race together; `decided` checkpoints lie behind them, of `starters` that began."""

    name: str
    recipes: tuple[Recipe, ...]
    starters: int
    decided: int = 0


def run_race(model: Model, encoder: Any | None, task: RunSearch, recipes: Sequence[Recipe],
             subject_rgb: np.ndarray, *, setup: RaceSetup, rounds: Sequence[RaceRound] = (),
             done: Collection[str] = frozenset(), batch: int = 0, earlier: Sequence[Replay] = (),
             engine: Engine | None = None,
             clock: Callable[[], float] = time.monotonic) -> Iterator[Event | RaceRound]:
    """As `run_search`, but seeds from noise race; a RaceRound at each checkpoint, the summary last.

    `rounds` are those on record: their heats go on where they stopped, and seeds that have raced are left
    out, so that the same search can be extended by more seeds. Replays from the subject do not race. With an
    `engine` whole heats run there, several at once. The stop rules are asked between heats, that of time at
    every checkpoint before the last as well: such a heat can be gone on with.
    """
    full = [complete(model, r) for r in recipes]
    lanes = [r for r in full if r.strength is None]
    search = Search(model, encoder, task, len(full), clock, batch=batch or model.policy.batch, engine=engine)
    racing = _Racing(search, setup, subject_rgb)
    racing.take_in(rounds, earlier)
    state = "done"
    try:
        for recipe in lanes:
            check_recipe(model, recipe)
        yield from racing.run(planned_heats(lanes, rounds, size=setup.heat))
        if not search.ended_by:
            yield from search.run([r for r in full if r.strength is not None], subject_rgb, set(done))
        state = "stopped" if search.ended_by else "done"
    except Cancelled:
        state = "cancelled"
    yield replace(search.summary(state), planned_tries=len(full), starters=racing.begun,
                  loss_upper=setup.loss_upper)


def planned_heats(recipes: Sequence[Recipe], rounds: Sequence[RaceRound], *, size: int) -> list[Heat]:
    """Heats of at most `size` lanes that differ in their seeds only; those on record first, then new ones."""
    groups: dict[str, dict[int, Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(recipe_digest(replace(recipe, seed=0))[:12], {})[recipe.seed] = recipe
    begun, found = heats(rounds), []
    for group, by_seed in groups.items():
        names = (group, former_name(replace(next(iter(by_seed.values())), seed=0)))
        mine = {name: past for name, past in begun.items() if name.partition("/")[0] in names}
        for name, past in mine.items():
            if not past[-1].finish:
                left = tuple(by_seed[s] for s in survivors(past) if s in by_seed)
                found.append(Heat(name, left, len(past[0].seeds), past[-1].number + 1))
        raced = {seed for past in mine.values() for seed in past[0].seeds}
        fresh = [r for seed, r in by_seed.items() if seed not in raced]
        for number, first in enumerate(range(0, len(fresh), size), len(mine)):
            part = tuple(fresh[first:first + size])
            found.append(Heat(f"{group}/{number}", part, len(part)))
    return found


@dataclass
class _Racing:
    search: Search
    setup: RaceSetup
    subject_rgb: np.ndarray
    begun: int = 0
    going: Heat | None = None  # the heat under way, as it would go on after a break
    last: RaceRound | None = None  # the newest round

    def take_in(self, rounds: Sequence[RaceRound], earlier: Sequence[Replay]) -> None:
        """Counts what is on record: the rounds' effort, and the replays, whose own effort is part of it."""
        self.begun = started(rounds)
        spent = Effort(self.begun, sum(r.unet_evaluations for r in rounds), sum(r.elapsed_s for r in rounds))
        self.search.standing = self.search.standing.after(spent, None, "")
        for replay in earlier:
            if replay.recipe.strength is None:
                self.search.credit(replay, Effort())
            else:
                self.search.count(replay)
        self.search.made = sum(len(r.seeds) if r.finish else len(r.seeds) - r.kept for r in rounds)

    def run(self, waiting: list[Heat]) -> Iterator[Event | RaceRound]:
        self.search.environment = environment_sha256(environment(self.search.model.device))
        yield self.search.progress("starting")
        if self.search.engine is not None:
            yield from self.elsewhere(waiting)
            return
        while waiting:
            if self.search.over():
                return
            try:
                yield from self.heat(waiting[0])
                waiting = waiting[1:]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.search.batch == 1:
                    with out_of_memory(say("note.search.one_replay_size")):
                        raise
                release()
                self.search.batch = max(1, self.search.batch // 2)
                waiting = [self.going, *waiting[1:]]

    def elsewhere(self, waiting: list[Heat]) -> Iterator[Event | RaceRound]:
        """Whole heats on the engine; after a stop rule those under way still come in, and count."""
        by_name = {heat.name: heat for heat in waiting}

        def units() -> Iterator[HeatUnit]:
            for heat in waiting:
                if self.search.over():
                    return
                yield self.unit(heat)

        for event in self.search.engine.run(units()):
            if isinstance(event, Tick):
                yield event
                continue
            unit, made = event
            yield from self.search.came_from(made)
            for one in made.race:
                yield from self.take(by_name[unit.name], unit.rgb, one)

    def unit(self, heat: Heat) -> HeatUnit:
        """All that a heat needs to be run anywhere."""
        subject = self.search.subject(self.subject_rgb, heat.recipes[0])
        keeps = heat_keeps(self.setup, heat.starters)
        plan = plan_of(self.setup.steps, keeps, full_steps=heat.recipes[0].steps, loss_upper=self.setup.loss_upper)
        return HeatUnit(heat.name, heat.recipes, subject, plan, self.search.batch, heat.starters, heat.decided,
                        self.search.task.settings.primary_score)

    def heat(self, heat: Heat) -> Iterator[Event | RaceRound]:
        """One heat to its end, or to a checkpoint before the last at which the time is over."""
        unit, self.going = self.unit(heat), heat
        for event in race(self.search.model, unit.recipes, unit.rgb, plan=unit.plan, batch=unit.batch,
                          starters=unit.starters, decided=unit.decided, score=unit.score,
                          clock=self.search.clock):
            if isinstance(event, (RaceRound, RaceResult)):
                yield from self.take(heat, unit.rgb, event)
                before_last = isinstance(event, RaceRound) and event.number < len(unit.plan.checkpoints) - 1
                if before_last and self.too_late():
                    return
            else:
                yield self.progress(event) if isinstance(event, Progress) else event

    def too_late(self) -> bool:
        """Whether the time is over; the other stop rules wait for the end of a heat."""
        settings = self.search.task.settings
        if ended_by(settings.stop, self.search.standing, settings.primary_score) != "time":
            return False
        self.search.ended_by = "time"
        return True

    def take(self, heat: Heat, subject: np.ndarray, event: RaceRound | RaceResult) -> Iterator[Event | RaceRound]:
        """Puts on record what a heat did; its last round comes after its replays, so that a break repeats them."""
        search = self.search
        if isinstance(event, RaceResult):
            share_s = event.effort.elapsed_s * event.finished[0].unet_evaluations / event.effort.unet_evaluations
            yield from search.score(list(event.finished), subject, share_s, charge=False)
            yield self.last
            return
        self.charge(event)
        self.last = self.round(heat, event)
        if not event.finish:
            search.made += len(event.seeds) - event.kept
            left = {r.seed: r for r in heat.recipes}
            self.going = replace(heat, recipes=tuple(left[s] for s in event.seeds[:event.kept]),
                                 decided=event.number + 1)
            yield self.last

    def charge(self, event: RaceRound) -> None:
        """Adds what the stretch up to a checkpoint took; its lanes count as tries at the first one."""
        tries = len(event.seeds) if event.number == 0 else 0
        self.begun += tries
        spent = Effort(tries, event.unet_evaluations, round(event.elapsed_s, 3))  # as it goes on record
        self.search.standing = self.search.standing.after(spent, None, "")

    def round(self, heat: Heat, event: RaceRound) -> RaceRound:
        """The round with its names, its numbers shortened as they go on record."""
        task = self.search.task
        return replace(event, id=f"{task.search_id}/{heat.name}/{event.number}", subject_id=task.subject_id,
                       search_id=task.search_id, heat=heat.name,
                       distances=tuple(round(d, 6) for d in event.distances), elapsed_s=round(event.elapsed_s, 3))

    def progress(self, event: Progress) -> Progress:
        """The race's own line, with the search's count and its best so far."""
        now = self.search.progress(event.message, step=event.step, steps=event.steps)
        return replace(now, left_s=None)
