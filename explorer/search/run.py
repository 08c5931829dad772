"""Runs a search: recipes in batches through the sampler, each image scored against the subject."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from explorer.cases.kinds import Environment
from explorer.closeness.scores import compare
from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.environment import environment, environment_sha256
from explorer.diffusion.models import Model, is_out_of_memory, out_of_memory, release
from explorer.diffusion.preview import LatentPreview
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import StepView, batch_key
from explorer.diffusion.stepwise import sample_steps
from explorer.errors import Cancelled
from explorer.jobs.tasks import RunSearch
from explorer.records import Effort, LedgerEntry, Progress, Recipe, Replay, SearchSummary, Tick, recipe_digest
from explorer.search.engine import BatchUnit, Engine, Made
from explorer.search.fit_size import fit
from explorer.search.stops import Standing, ended_by
from explorer.texts import say

PREVIEW_PX = 96
LOOK_EVERY = 4  # steps between two glimpses of an unfinished image
Event = Progress | Tick | Environment | tuple[Replay, bytes] | SearchSummary


def run_search(model: Model, encoder: Any | None, task: RunSearch, recipes: Sequence[Recipe],
               subject_rgb: np.ndarray, *, done: Collection[str] = frozenset(), batch: int = 0,
               earlier: Sequence[Replay] = (), ledger: tuple[LedgerEntry, ...] = (),
               start_of: Callable[[Recipe], np.ndarray] | None = None, engine: Engine | None = None,
               clock: Callable[[], float] = time.monotonic) -> Iterator[Event]:
    """Replays for a subject: Progress, Tick between steps, (Replay, PNG) as made, SearchSummary last.

    `subject_rgb` (h, w, 3) uint8 at any size; `done` holds digests of recipes that are on record and are
    skipped, `earlier` their replays (they count in the summary); `ledger` goes into the summary. An
    `encoder` adds "clip_cosine". `batch` 0 takes as many images at once as the model's memory policy
    says; when memory runs out the batch is halved and the search goes on. `start_of` gives the picture that
    a recipe starts from where that is not the subject. With an `engine` the batches are made there, several
    at once. The settings' stop rules are asked before each batch.
    `Cancelled` thrown in (generator.throw) ends it with a summary in state "cancelled". ExplorerError
    for recipes that the model cannot make.
    """
    search = Search(model, encoder, task, len(recipes), clock, batch=batch or model.policy.batch,
                    ledger=ledger, start_of=start_of, engine=engine)
    for replay in earlier:
        search.count(replay)
    state = "done"
    try:
        yield from search.run(recipes, subject_rgb, set(done))
        state = "stopped" if search.ended_by else "done"
    except Cancelled:
        state = "cancelled"
    yield search.summary(state)


@dataclass
class Search:
    """The state of one search, shared by the ways of searching; see `run_search`."""

    model: Model
    encoder: Any | None
    task: RunSearch
    planned: int
    clock: Callable[[], float]
    batch: int
    ledger: tuple[LedgerEntry, ...] = ()
    start_of: Callable[[Recipe], np.ndarray] | None = None
    engine: Engine | None = None
    made: int = 0
    best: Replay | None = None
    best_png: bytes = b""
    live_png: bytes = b""
    glimpse: LatentPreview | None = None
    standing: Standing = field(default_factory=lambda: Standing(Effort()))
    ended_by: str = ""
    environment: str = ""
    _subjects: dict[tuple[int, int], Any] = field(default_factory=dict)

    def run(self, recipes: Sequence[Recipe], subject_rgb: np.ndarray, done: set[str]) -> Iterator[Event]:
        full = [complete(self.model, r) for r in recipes]
        todo = [r for r in full if recipe_digest(r) not in done]
        self.made += len(full) - len(todo)
        for recipe in todo:
            check_recipe(self.model, recipe)
        self.environment = environment_sha256(environment(self.model.device))
        yield self.progress("starting")
        groups = [list(group) for _, group in groupby(todo, key=lambda r: batch_key(self.model, r))]
        if self.engine is not None:
            yield from self.elsewhere(groups, subject_rgb)
            return
        for waiting in groups:
            while waiting:
                if self.over():
                    return
                part = waiting[:self.batch if self.model.own_loop else 1]
                rendered = yield from self.render(part, subject_rgb)
                if rendered:
                    waiting = waiting[len(part):]

    def elsewhere(self, groups: list[list[Recipe]], subject_rgb: np.ndarray) -> Iterator[Event]:
        """The batches on the engine; after a stop rule those under way still come in, and count."""
        size = self.batch if self.model.own_loop else 1

        def units() -> Iterator[BatchUnit]:
            for group in groups:
                for first in range(0, len(group), size):
                    part = tuple(group[first:first + size])
                    if self.over():
                        return
                    yield BatchUnit(part, self.start(part[0], self.subject(subject_rgb, part[0])))

        for event in self.engine.run(units()):
            if isinstance(event, Tick):
                yield event
                continue
            unit, made = event
            yield from self.came_from(made)
            subject = self.subject(subject_rgb, unit.recipes[0])
            yield from self.score(list(made.images), subject, made.elapsed_s / len(made.images))

    def came_from(self, made: Made) -> Iterator[Environment]:
        """Where the next replays were made, as a record to go before them."""
        if made.environment:
            self.environment = environment_sha256(made.environment["sampler"])
            yield Environment(self.environment, made.environment["surroundings"])

    def render(self, recipes: list[Recipe], subject_rgb: np.ndarray) -> Iterator[Event]:
        """One batch; returns False after halving the batch for want of memory."""
        subject = self.subject(subject_rgb, recipes[0])
        start = self.start(recipes[0], subject)
        began, images = self.clock(), []
        try:
            for event in sample_steps(self.model, recipes, start_rgb=start):
                if isinstance(event, Rendered):
                    images.append(event)
                    continue
                yield Tick()
                self.look(event)
                yield self.progress("replaying", step=event.index + 1, steps=event.steps,
                                    per_step_s=(self.clock() - began) / (event.index + 1),
                                    running=len(recipes))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(recipes) == 1:
                with out_of_memory(say("note.search.one_replay_size")):
                    raise
            release()
            self.batch = max(1, len(recipes) // 2)
            return False
        share_s = (self.clock() - began) / len(images)
        yield from self.score(images, subject, share_s)
        return True

    def over(self) -> bool:
        """Whether a stop rule ends the search before its next batch."""
        settings = self.task.settings
        self.ended_by = ended_by(settings.stop, self.standing, settings.primary_score)
        return bool(self.ended_by)

    def start(self, recipe: Recipe, subject: np.ndarray) -> np.ndarray | None:
        """The picture that a recipe starts from, (h, w, 3) uint8; None for one from noise."""
        if recipe.strength is None:
            return None
        return subject if self.start_of is None else self.start_of(recipe)

    def look(self, view: StepView) -> None:
        """A glimpse of the first image while it forms; later previews show the best so far."""
        if self.glimpse is None:
            self.glimpse = LatentPreview(self.model)
        if not self.best_png and self.glimpse.ready and view.index % LOOK_EVERY == LOOK_EVERY - 1:
            self.live_png = small_png(self.glimpse.look(view.x0[:1])[0])

    def score(self, images: list[Rendered], subject: np.ndarray, share_s: float, *,
              charge: bool = True) -> Iterator[Event]:
        """Each image's Replay and PNG; without `charge` the effort was counted before."""
        cosines = self.cosines([i.rgb for i in images], subject)
        for image, cosine in zip(images, cosines, strict=True):
            began = self.clock()
            closeness = compare(subject, image.rgb) | ({} if cosine is None else {"clip_cosine": cosine})
            replay = Replay(
                id=replay_id(self.task.search_id, image.recipe), subject_id=self.task.subject_id,
                search_id=self.task.search_id, recipe=image.recipe, image_sha256=image.hashes["png"],
                closeness=closeness, unet_evaluations=image.unet_evaluations,
                elapsed_s=share_s + self.clock() - began, hashes=image.hashes,
                environment_sha256=self.environment, flagged=image.flagged)
            self.made += 1
            if self.glimpse is not None and not self.glimpse.ready:
                self.glimpse.learn(image.latents, image.rgb)
            if self.count(replay) if charge else self.credit(replay, Effort()):
                self.best_png = small_png(image.rgb)
            yield replay, image.png
        yield self.progress("replaying")

    def count(self, replay: Replay) -> bool:
        """Adds a replay and its effort; True if it is the best so far."""
        return self.credit(replay, Effort(1, replay.unet_evaluations, replay.elapsed_s))

    def credit(self, replay: Replay, spent: Effort) -> bool:
        """Adds a replay with the effort that is counted for it; True if it is the best so far."""
        name = self.task.settings.primary_score
        before = self.standing.best
        self.standing = self.standing.after(spent, replay.closeness[name], name)
        better = before is None or self.standing.best != before
        if better:
            self.best = replay
        return better

    def subject(self, rgb: np.ndarray, recipe: Recipe) -> np.ndarray:
        """The subject at the replay's own size (h, w, 3)."""
        size = (recipe.height_px, recipe.width_px)
        if size not in self._subjects:
            self._subjects[size] = fit(rgb, height_px=size[0], width_px=size[1])
        return self._subjects[size]

    def cosines(self, images: list[np.ndarray], subject: np.ndarray) -> list[float | None]:
        if self.encoder is None:
            return [None] * len(images)
        embeddings = self.encoder.encode_images([subject, *images])  # (1 + n, d), L2-normalised
        return [float(v) for v in embeddings[1:] @ embeddings[0]]

    def progress(self, message: str, *, step: int = 0, steps: int = 0, per_step_s: float = 0.0,
                 running: int = 0) -> Progress:
        left = self.planned - self.made
        left_s = None
        if per_step_s and running:
            left_s = per_step_s * (steps - step + steps * max(0, left - running) / running)
        elif self.standing.effort.tries:
            left_s = left * self.standing.effort.elapsed_s / self.standing.effort.tries
        return Progress(self.made, self.planned, message, step, steps, left_s,
                        self.best.id if self.best else "", self.best_png or self.live_png)

    def summary(self, state: str) -> SearchSummary:
        settings = self.task.settings
        return SearchSummary(
            id=self.task.search_id, subject_id=self.task.subject_id, state=state,
            primary_score=settings.primary_score, best_replay_id=self.best.id if self.best else "",
            effort=replace(self.standing.effort, elapsed_s=round(self.standing.effort.elapsed_s, 3)),
            ledger=self.ledger, planned_tries=self.planned, ended_by=self.ended_by)


def replay_id(search_id: str, recipe: Recipe) -> str:
    """The same recipe in the same search has the same id, so that nothing is recorded twice."""
    return hashlib.sha256(f"{search_id}\n{recipe_digest(recipe)}".encode()).hexdigest()[:16]


def small_png(rgb: np.ndarray) -> bytes:
    """A preview of at most 96 pixels a side."""
    image = Image.fromarray(rgb)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
