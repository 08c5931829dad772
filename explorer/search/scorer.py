"""From the images that a search made to its replays: how close each comes to the subject at its size."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.rendered import Rendered
from explorer.jobs.tasks import RunSearch
from explorer.records import Recipe, Replay, recipe_digest
from explorer.search.fit_size import fit


class Scorer:
    """Compares with one subject, (h, w, 3) uint8 at any size; an `encoder` adds "clip_cosine"."""

    def __init__(self, task: RunSearch, subject_rgb: np.ndarray, encoder: Any | None = None, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.task, self.subject_rgb, self.encoder, self.clock = task, subject_rgb, encoder, clock
        self._subjects: dict[tuple[int, int], np.ndarray] = {}

    def subject(self, recipe: Recipe) -> np.ndarray:
        """The subject at the replay's own size (h, w, 3)."""
        size = (recipe.height_px, recipe.width_px)
        if size not in self._subjects:
            self._subjects[size] = fit(self.subject_rgb, height_px=size[0], width_px=size[1])
        return self._subjects[size]

    def cosines(self, images: Sequence[Rendered]) -> list[dict[str, float]]:
        """CLIP's score of each of some images of one size; nothing without an encoder."""
        if self.encoder is None:
            return [{}] * len(images)
        rows = self.encoder.encode_images([self.subject(images[0].recipe), *(i.rgb for i in images)])  # (1 + n, d)
        return [{"clip_cosine": float(v)} for v in rows[1:] @ rows[0]]

    def replay(self, image: Rendered, more: dict[str, float], *, share_s: float, environment: str) -> Replay:
        """The image's replay with its pixel scores and `more`; `share_s` seconds went into the image itself."""
        began = self.clock()
        closeness = compare(self.subject(image.recipe), image.rgb) | more
        return Replay(
            id=replay_id(self.task.search_id, image.recipe), subject_id=self.task.subject_id,
            search_id=self.task.search_id, recipe=image.recipe, image_sha256=image.hashes["png"],
            closeness=closeness, unet_evaluations=image.unet_evaluations,
            elapsed_s=share_s + self.clock() - began, hashes=image.hashes, environment_sha256=environment,
            flagged=image.flagged)


def replay_id(search_id: str, recipe: Recipe) -> str:
    """The same recipe in the same search has the same id, so that nothing is recorded twice."""
    return hashlib.sha256(f"{search_id}\n{recipe_digest(recipe)}".encode()).hexdigest()[:16]
