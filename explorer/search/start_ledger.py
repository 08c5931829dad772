"""What a starting image or given noise costs: ever finer codes of it are replayed until one does the job.

The charge is the length of that code. Beside it stand two estimates of how much of the image passes at the
strength used, which are no bounds: the Gaussian channel's, and DiffC's sum of KL terms (Theis et al. 2022,
Lossy compression with Gaussian diffusion; Vonderfecht and Liu 2025), which the model in dispute computes.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch

from explorer.closeness.pixel_scores import compare
from explorer.closeness.start_code import StartBill, diffc_estimate, gaussian_estimate, shortest_latents
from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.models import Model
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.rendered import noise_blob
from explorer.diffusion.sampling import Batch, sample
from explorer.errors import ExplorerError
from explorer.records import Recipe, Replay
from explorer.run import QUIET, Run
from explorer.search.fit_size import fit

NOISES = 8  # over which DiffC's estimate is a mean
STEPS = 50  # of its chain


def measure_start(model: Model, replay: Replay, subject_rgb: np.ndarray, *, score: str,
                  start_rgb: np.ndarray | None = None, noise: np.ndarray | None = None,
                  run: Run = QUIET) -> StartBill:
    """The bill of the image that `replay` started from, or of the noise made for it.

    `start_rgb` is (h, w, 3) uint8 at the replay's size, `noise` (c, h, w) float32, as its recipe names them.
    ExplorerError where the model's own loop is not ours, or where no code tried did the job.
    """
    recipe = replay.recipe
    if not model.own_loop:
        raise ExplorerError("search.start_ledger_put_cannot_measured")
    target = fit(subject_rgb, height_px=recipe.height_px, width_px=recipe.width_px)
    clean = None if start_rgb is None else Encoded(model, start_rgb).draw(None)[0].float().cpu().numpy()
    given = noise if noise is not None else clean

    def replayed(values: np.ndarray) -> float:
        changed = recipe if noise is None else dataclasses.replace(recipe, noise_blob=noise_blob(values))
        image, = sample(model, [changed], start_rgb=start_rgb, noise=None if noise is None else values[None],
                        start_latents=values if noise is None else None, run=run)
        return compare(target, image.rgb, only=(score,))[score]

    code = shortest_latents(given, replayed, score=score, target=replay.closeness[score])
    if code is None:
        raise ExplorerError("search.start_ledger_none_codes_tried")
    what = "starting image" if noise is None else "noise"
    gaussian = mean = error = None
    if noise is None:
        gaussian = gaussian_estimate(clean, **_first_levels(model, recipe, start_rgb))
        mean, error = diffc_estimate(_diffc_terms(model, recipe, clean, start_rgb, run))
    return StartBill(replay.id, replay.subject_id, what, code.bits, code.step, score, code.closeness, code.replays,
                     gaussian, mean, error)


def _first_levels(model: Model, recipe: Recipe, start_rgb: np.ndarray) -> dict[str, float]:
    """Signal and noise at the step where an img2img run begins, with signal² + noise² = 1."""
    batch = Batch(model, [recipe], start_rgb=start_rgb)
    signal, noise = batch.stepper.levels(batch.timesteps[0])
    size = math.hypot(signal, noise)
    return {"signal": signal / size, "noise": noise / size}


def _diffc_terms(model: Model, recipe: Recipe, clean: np.ndarray, start_rgb: np.ndarray,
                 run: Run) -> list[list[float]]:
    """KL in nats of every step, a list for each of NOISES chains, down to where the run began.

    Each chain is drawn from the true posterior q(x_s | x_t, x_0); the model's own step differs from it in the
    predicted x_0 only, so the KL of two Gaussians of one variance is what that prediction is off, weighed.
    """
    end = _first_levels(model, recipe, start_rgb)["signal"] ** 2
    plain = dataclasses.replace(recipe, steps=STEPS, scheduler=model.family.facts.walks_back, scheduler_config={},
                                strength=None, eta=0.0, start_sha256=None, guidance=model.family.facts.unguided)
    batch = Batch(model, [dataclasses.replace(plain, seed=seed) for seed in range(NOISES)])
    levels = [batch.stepper.levels_at(n) for n in range(len(batch.timesteps))]
    kept = [(signal / math.hypot(signal, noise)) ** 2 for signal, noise in levels]
    size = clean.size
    x0 = torch.from_numpy(clean)[None].to(model.device, torch.float32)
    now = kept[0]
    start = 0.5 * (now * float((x0 ** 2).sum()) - size * now - size * math.log1p(-now))
    terms = [[start] for _ in range(NOISES)]
    draws = torch.stack([starting_noise(seed, tuple(clean.shape)) for seed in range(NOISES)]).to(model.device)
    x = math.sqrt(now) * x0 + math.sqrt(1 - now) * draws
    generator = torch.Generator("cpu").manual_seed(0)
    for after in [*kept[1:], end]:
        if after <= now:
            continue
        after = min(after, end)
        batch.latents = (x * math.hypot(*levels[batch.index])).to(model.family.latents_dtype)
        off = x0 - batch.step().x0.float()  # (n, c, h, w)
        run.tick()
        beta = 1 - now / after
        spread = (1 - after) / (1 - now) * beta
        to_x0, to_x = math.sqrt(after) * beta / (1 - now), math.sqrt(now / after) * (1 - after) / (1 - now)
        for chain, gap in zip(terms, (off ** 2).flatten(1).sum(1).tolist(), strict=True):
            chain.append(to_x0 ** 2 * gap / (2 * spread))
        fresh = torch.randn(x.shape, generator=generator).to(model.device)
        x, now = to_x0 * x0 + to_x * x + math.sqrt(spread) * fresh, after
        if now >= end:
            break
    return terms
