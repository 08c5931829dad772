"""What one model says of pictures, and the pictures that it makes for comparison; no words and no seed are needed.

Two signs: what its autoencoder loses the first time (after LatentTracer, arXiv 2405.13360; models that share an
autoencoder share this sign), and its denoising error without words under the same noises for every picture and
model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from explorer.diffusion.autoencoder import round_trip
from explorer.diffusion.denoising import denoising_errors, latents_of
from explorer.diffusion.models import Model
from explorer.evidence.which_records import WhichPlan
from explorer.familiarity.made_by import first_loss
from explorer.familiarity.statistic import LEAST
from explorer.records import Recipe
from explorer.run import QUIET, Run
from explorer.search.engine import BatchRoom, BatchUnit, LocalEngine, Made
from explorer.search.fit_size import fit


def own_pictures(model: Model, prompts: Sequence[str], *, run: Run = QUIET) -> list[np.ndarray]:
    """A picture (h, w, 3) uint8 of the model from each prompt, seeds from 0 on, at its usual settings."""
    side, info, made = model.info.default_size_px, model.info, []
    recipes = tuple(Recipe(model.ref, prompt, seed, info.default_steps, info.default_guidance, "euler", side, side,
                           precision=model.precision) for seed, prompt in enumerate(prompts))

    def take(part: Made) -> None:
        made.extend(image.rgb for image in part.images)

    LocalEngine(model, BatchRoom(model.policy.batch)).do(BatchUnit(recipes), take, run=run)
    return made


def measured(model: Model, pictures: Sequence[np.ndarray], plan: WhichPlan, *, run: Run = QUIET) -> np.ndarray:
    """(n, 2): first loss and log error without words of pictures (h, w, 3) uint8, brought to the model's size."""
    side = model.info.default_size_px
    own = [fit(rgb, height_px=side, width_px=side) for rgb in pictures]
    losses = []
    for rgb in own:
        losses.append(first_loss(model, rgb))
        run.tick()
    errors = denoising_errors(model, latents_of(model, own, run=run), [""] * len(own), times=plan.times,
                              seeds=range(plan.noises), run=run)
    return np.stack([losses, np.log(np.maximum(errors, LEAST)).mean((1, 2))], 1)


def sent_through(model: Model, pictures: Sequence[np.ndarray], *, run: Run = QUIET) -> list[np.ndarray]:
    """Pictures (h, w, 3) uint8 as the model's autoencoder gives them back: no network made them, all the same they
    have its mark."""
    side, found = model.info.default_size_px, []
    for rgb in pictures:
        found.append(round_trip(model, fit(rgb, height_px=side, width_px=side)))
        run.tick()
    return found


def autoencoder_sha256(model: Model) -> str:
    """The name of the autoencoder's weights."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.latent_space.vae.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return found.hexdigest()
