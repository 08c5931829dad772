"""What the generator makes of several prompts: a few short replays each, judged in latent space.

The same seeds and settings for every prompt, in as few batches as fit, without decoding: the score is the
distance of the final latents to the subject's. Short replays rank prompts; they are no exhibits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch
from explorer.errors import ExplorerError
from explorer.records import Recipe, ReplaySettings
from explorer.run import QUIET, Run
from explorer.search.expand import expand
from explorer.search.fit_size import fit


@dataclass(frozen=True)
class ShortReplays:
    """The effort for each prompt. `guidance` 0 takes the model's default."""

    seeds: int = 4
    steps: int = 8
    guidance: float = 0.0
    scheduler: str = "euler"
    batch: int = 32


class LatentScorer:
    """Closeness of short replays to one subject; `unet_evaluations` counts what was spent."""

    def __init__(self, model: Model, subject_rgb: np.ndarray, effort: ShortReplays | None = None):
        """`subject_rgb` is (h, w, 3) uint8. ExplorerError for a model that our own loop does not run."""
        if not model.own_loop:
            raise ExplorerError("search.short_replays_look_inside_sampler", info_name=model.info.name)
        self.model, self.effort = model, effort or ShortReplays()
        self.unet_evaluations = 0
        side = model.info.default_size_px
        square = fit(subject_rgb, height_px=side, width_px=side)
        self.target = Encoded(model, square).draw(None)  # (1, c, h, w)

    def __call__(self, prompts: Sequence[str], run: Run = QUIET) -> list[float]:
        """One number a prompt, higher is closer; `run` ticks between sampler steps.

        It is minus the root mean squared distance of the nearest replay's latents to the subject's, in the
        latents' own unit, in (−∞, 0].
        """
        recipes = [r for p in prompts for r in self._recipes(p)]
        scores: list[float] = []
        for at in range(0, len(recipes), self.effort.batch):
            batch = Batch(self.model, recipes[at:at + self.effort.batch])
            while not batch.done:
                batch.step()
                run.tick()
            self.unet_evaluations += len(batch.recipes) * batch.unet_evaluations
            apart = (batch.latents - self.target).float().square().mean(dim=(1, 2, 3)).sqrt()  # (n,)
            scores += (-apart).tolist()
        per = self.effort.seeds
        return [max(scores[i * per:(i + 1) * per]) for i in range(len(prompts))]

    def _recipes(self, prompt: str) -> list[Recipe]:
        effort = self.effort
        settings = ReplaySettings(prompt, seeds=effort.seeds, steps=(effort.steps,),
                                  guidances=(effort.guidance,), schedulers=(effort.scheduler,))
        return expand(settings, model=self.model.ref, info=self.model.info)

