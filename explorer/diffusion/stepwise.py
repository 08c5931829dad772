"""`sample` and `exhibit` as generators, for callers that do not take a Run yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from explorer.diffusion.check_recipe import complete
from explorer.diffusion.exhibit import deterministic
from explorer.diffusion.models import Model, out_of_memory
from explorer.diffusion.own_call import own_call
from explorer.diffusion.rendered import Rendered
from explorer.diffusion.sampling import Batch, StepView
from explorer.records import Recipe
from explorer.texts import say


def sample_steps(model: Model, recipes: Sequence[Recipe], *, start_rgb: np.ndarray | None = None,
                 noise: np.ndarray | None = None,
                 start_latents: np.ndarray | None = None) -> Iterator[StepView | Rendered]:
    """As `sample`: a StepView after every step, then a Rendered a recipe."""
    if not model.own_loop:
        yield from (own_call(model, complete(model, r)) for r in recipes)
        return
    batch = Batch(model, recipes, start_rgb=start_rgb, noise=noise, start_latents=start_latents)
    while not batch.done:
        yield batch.step()
    yield from batch.finish()


def exhibit_steps(model: Model, recipe: Recipe, *, start_rgb: np.ndarray | None = None,
                  noise: np.ndarray | None = None) -> Iterator[StepView | Rendered]:
    """As `exhibit`: StepViews, then the Rendered."""
    with out_of_memory(say("note.diffusion.rendering_replay")), deterministic():
        yield from sample_steps(model, [recipe], start_rgb=start_rgb, noise=None if noise is None else noise[None])
