"""Runs a search as seed races: heats of seeds, lanes dropped at checkpoints, finished lanes as Replays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.records import Effort, Progress, Recipe, SearchSummary, recipe_digest
from explorer.records.race_records import RaceRound, RaceSetup, former_name, heats, started, survivors
from explorer.run import Retold
from explorer.search.engine import HeatUnit, Made
from explorer.search.one_search import Given, Search
from explorer.search.race import plan_of
from explorer.search.race_plan import heat_keeps
from explorer.texts import say


@dataclass(frozen=True)
class Heat:
    """Lanes that race together; `decided` checkpoints lie behind them, of `starters` that began."""

    name: str
    recipes: tuple[Recipe, ...]
    starters: int
    decided: int = 0


def run_race(given: Given, recipes: Sequence[Recipe], *, setup: RaceSetup, rounds: Sequence[RaceRound] = (),
             done: Collection[str] = frozenset()) -> SearchSummary:
    """As `run_search`, but seeds from noise race; a RaceRound goes on record at each checkpoint.

    `rounds` are those on record: their heats go on where they stopped, and seeds that have raced are left
    out, so that the same search can be extended by more seeds. Replays from the subject do not race. With an
    engine whole heats run there, several at once. The stop rules are asked between heats, that of time here at
    every checkpoint before the last as well: such a heat can be gone on with.
    """
    full = [complete(given.model, r) for r in recipes]
    lanes = [r for r in full if r.strength is None]
    search = Search(given, len(full))
    racing = _Racing(search, setup)
    racing.take_in(rounds)

    def work() -> None:
        for recipe in lanes:
            check_recipe(given.model, recipe)
        racing.race(planned_heats(lanes, rounds, size=setup.heat))
        if not search.tally.ended_by:
            search.replay([r for r in full if r.strength is not None], done)

    return replace(search.concluded(work), planned_tries=len(full), starters=racing.begun,
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


class _Racing:
    """The races of one search; `begun` counts the lanes that reached a first checkpoint."""

    def __init__(self, search: Search, setup: RaceSetup) -> None:
        self.search, self.tally, self.setup, self.begun, self.finished = search, search.tally, setup, 0, 0

    def take_in(self, rounds: Sequence[RaceRound]) -> None:
        """Counts what is on record: the rounds' effort, and the replays, whose own effort is part of it."""
        self.begun = started(rounds)
        self.tally.spend(Effort(self.begun, sum(r.unet_evaluations for r in rounds),
                                sum(r.elapsed_s for r in rounds)))
        for replay in self.search.given.earlier:
            self.tally.credit(replay, Effort() if replay.recipe.strength is None else None)
        self.tally.passed(sum(len(r.seeds) if r.finish else len(r.seeds) - r.kept for r in rounds))

    def race(self, waiting: Sequence[Heat]) -> None:
        """Every heat to its end; after a stop rule those under way elsewhere still come in, and count."""
        self.search.report(say("progress.starting"))
        self.search.engine.run(self.units(waiting), self.take, run=Retold(self.search.run, self.progress))
        if self.finished < len(waiting):
            self.tally.over()  # says which rule it was, also where one ended the last heat

    def units(self, waiting: Sequence[Heat]) -> Iterator[HeatUnit]:
        """Heats with all that they need to be run anywhere, until a stop rule holds."""
        for heat in waiting:
            if self.tally.over():
                return
            first = heat.recipes[0]
            plan = plan_of(self.setup.steps, heat_keeps(self.setup, heat.starters), full_steps=first.steps,
                           loss_upper=self.setup.loss_upper)
            yield HeatUnit(heat.name, heat.recipes, self.search.scorer.subject(first), plan,
                           self.search.room.size, heat.starters, heat.decided,
                           self.search.given.task.settings.primary_score)

    def take(self, unit: HeatUnit, made: Made) -> bool:
        """Puts on record what a heat did, and says whether it is too late to go on with it.

        The last round comes after its replays, so that a break repeats them.
        """
        reached = self.round(unit, made.round)
        self.search.made_at(made)
        self.charge(reached)
        if made.images:
            self.finished += 1
            self.search.score(made.images, made.share_s, spent=Effort())
        else:
            self.tally.passed(len(reached.seeds) - reached.kept)
        self.search.given.on_record(reached)
        return reached.number < len(unit.plan.checkpoints) - 1 and self.tally.rule() == "time"

    def charge(self, reached: RaceRound) -> None:
        """Adds what the stretch up to a checkpoint took; its lanes count as tries at the first one."""
        tries = len(reached.seeds) if reached.number == 0 else 0
        self.begun += tries
        self.tally.spend(Effort(tries, reached.unet_evaluations, reached.elapsed_s))

    def round(self, unit: HeatUnit, reached: RaceRound) -> RaceRound:
        """The round with its names, its numbers shortened as they go on record."""
        task = self.search.given.task
        return replace(reached, id=f"{task.search_id}/{unit.name}/{reached.number}", subject_id=task.subject_id,
                       search_id=task.search_id, heat=unit.name,
                       distances=tuple(round(d, 6) for d in reached.distances),
                       elapsed_s=round(reached.elapsed_s, 3))

    def progress(self, told: Progress) -> Progress:
        """The race's own line, with the search's count and its best so far."""
        shown = self.search.preview.png
        now = self.tally.progress(told.message, step=told.step, steps=told.steps, preview_png=shown)
        return replace(now, left_s=None)
