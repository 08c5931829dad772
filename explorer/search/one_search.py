"""One search: recipes go out in batches, and each image comes back scored against the subject.

Every mode of searching is a function that takes what it is `Given` and returns the search's summary: replays go
out by `on_replay` as they are made, and a cancelled search ends with the summary of what is there.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.environment import environment, environment_sha256
from explorer.diffusion.models import Model
from explorer.diffusion.preview import LatentPreview
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import StepView, batch_key
from explorer.errors import Cancelled
from explorer.jobs.tasks import RunSearch
from explorer.records import Effort, Environment, Recipe, Replay, SearchSummary, recipe_digest
from explorer.records.race_records import RaceRound
from explorer.run import QUIET, Engine, Run
from explorer.search.engine import BatchRoom, BatchUnit, LocalEngine, Made
from explorer.search.scorer import Scorer
from explorer.search.tally import Tally
from explorer.texts import say

PREVIEW_PX = 96
LOOK_EVERY = 4  # steps between two glimpses of an unfinished image


@dataclass(frozen=True)
class Given:
    """What every mode of searching is given.

    `on_replay` gets each replay with the bytes that it needs on record: its PNG, and the noise or words made for
    it if it has such. `earlier` are the search's replays on record, which count in the summary. `start_of` gives
    the picture (h, w, 3) uint8 that a recipe starts from where that is not the subject, `words_of` the code of the
    embedding that it names. `batch` 0 takes as many images at once as the model's memory policy says; when memory
    runs out the batch is halved. With an `engine` the units of work are done there, several at once.
    """

    model: Model
    encoder: Any | None  # adds "clip_cosine"
    task: RunSearch
    subject_rgb: np.ndarray  # (h, w, 3) uint8 at any size
    on_replay: Callable[..., None]  # (replay, *blobs)
    on_record: Callable[[RaceRound | Environment], None] = lambda record: None
    earlier: Sequence[Replay] = ()
    start_of: Callable[[Recipe], np.ndarray] | None = None
    words_of: Callable[[Recipe], bytes | None] = lambda recipe: None
    engine: Engine | None = None
    batch: int = 0
    run: Run = QUIET
    clock: Callable[[], float] = time.monotonic


def run_search(given: Given, recipes: Sequence[Recipe], *, done: Collection[str] = frozenset()) -> SearchSummary:
    """Replays of the recipes but those whose digests are in `done`, which are on record.

    The settings' stop rules are asked before each batch. ExplorerError for recipes that the model cannot make.
    """
    search = Search(given, len(recipes))
    search.recall()
    return search.concluded(lambda: search.replay(recipes, done))


class Search:
    """What the modes of searching share: where units are done, and what comes back on record."""

    def __init__(self, given: Given, planned: int) -> None:
        self.given, self.run = given, given.run
        self.tally = Tally(given.task, planned)
        self.scorer = Scorer(given.task, given.subject_rgb, given.encoder, clock=given.clock)
        self.preview = Preview(given.model)
        self.room = BatchRoom(given.batch or given.model.policy.batch)
        self.engine = given.engine or LocalEngine(given.model, self.room, on_step=self.step, clock=given.clock)
        self.environment = environment_sha256(environment(given.model.device))

    def recall(self) -> None:
        """Counts the replays that are on record."""
        for replay in self.given.earlier:
            self.tally.credit(replay)

    def concluded(self, work: Callable[[], None]) -> SearchSummary:
        """Does the work; the summary says whether it came to its end, was stopped by a rule, or cancelled."""
        try:
            work()
            state = "stopped" if self.tally.ended_by else "done"
        except Cancelled:
            state = "cancelled"
        return self.tally.summary(state)

    def replay(self, recipes: Sequence[Recipe], done: Collection[str]) -> None:
        """Each recipe that is not done, to its end; what is under way when a stop rule holds still counts."""
        full = [complete(self.given.model, r) for r in recipes]
        todo = [r for r in full if recipe_digest(r) not in done]
        self.tally.passed(len(full) - len(todo))
        for recipe in todo:
            check_recipe(self.given.model, recipe)
        self.report(say("progress.starting"))
        self.engine.run(self._units(todo), self._take, run=self.run)

    def _units(self, recipes: list[Recipe]) -> Iterator[BatchUnit]:
        for _, group in groupby(recipes, key=lambda r: batch_key(self.given.model, r)):
            left = tuple(group)
            while left:
                if self.tally.over():
                    return
                part = left[:self.room.size]
                left = left[len(part):]
                yield BatchUnit(part, self._start(part[0]), self.given.words_of(part[0]))

    def _start(self, recipe: Recipe) -> np.ndarray | None:
        """The picture that a recipe starts from, (h, w, 3) uint8; None for one from noise."""
        if recipe.strength is None:
            return None
        return (self.given.start_of or self.scorer.subject)(recipe)

    def _take(self, unit: BatchUnit, made: Made) -> None:
        self.made_at(made)
        self.score(made.images, made.share_s, blobs=() if unit.words is None else (unit.words,))

    def made_at(self, made: Made) -> None:
        """Puts on record where the next replays were made, if that was elsewhere."""
        if made.environment:
            self.environment = environment_sha256(made.environment["sampler"])
            self.given.on_record(Environment(self.environment, made.environment["surroundings"]))

    def score(self, images: Sequence[Rendered], share_s: float, *, spent: Effort | None = None,
              blobs: Sequence[bytes] = ()) -> None:
        """Puts each image's replay on record with the `blobs` that its recipe names.

        `spent` is its effort where that was counted before.
        """
        for image, more in zip(images, self.scorer.cosines(images), strict=True):
            replay = self.scorer.replay(image, more, share_s=share_s, environment=self.environment)
            self.tally.passed(1)
            self.preview.learn(image)
            if self.tally.credit(replay, spent):
                self.preview.best(image.rgb)
            self.given.on_replay(replay, image.png, *blobs)
        self.report(say("progress.replaying"))

    def step(self, view: StepView, elapsed_s: float) -> None:
        """Shows how far a batch is that is made here."""
        self.preview.look(view)
        self.report(say("progress.replaying"), step=view.index + 1, steps=view.steps,
                    per_step_s=elapsed_s / (view.index + 1), running=len(view.recipes))

    def report(self, message: str, **more: Any) -> None:
        """Says where the search stands, with its picture; see `Tally.progress`."""
        self.run.report(self.tally.progress(message, preview_png=self.preview.png, **more))


class Preview:
    """The small picture beside the progress: the best so far, and before there is one the first as it forms."""

    def __init__(self, model: Model) -> None:
        self.model, self.png, self._found = model, b"", False
        self._latents: LatentPreview | None = None

    def look(self, view: StepView) -> None:
        """A glimpse of the first image of a batch under way."""
        if view.x0.ndim != 4:  # a family whose latents are tokens, or films
            return
        if self._latents is None:
            self._latents = LatentPreview(self.model, channels=view.x0.shape[1])
        if not self._found and self._latents.ready and view.index % LOOK_EVERY == LOOK_EVERY - 1:
            self.png = small_png(self._latents.look(view.x0[:1])[0])

    def learn(self, image: Rendered) -> None:
        """Takes from a finished image what its latents' colours are."""
        if self._latents is not None and not self._latents.ready:
            self._latents.learn(image.latents, image.rgb)

    def best(self, rgb: np.ndarray) -> None:
        """From now on shows this one."""
        self.png, self._found = small_png(rgb), True


def small_png(rgb: np.ndarray) -> bytes:
    """A preview of at most 96 pixels a side."""
    image = Image.fromarray(rgb)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
