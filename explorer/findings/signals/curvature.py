"""Sharpness of the probability landscape at the starting noise. Jeon et al. 2025 (ICML), section 4.

With s = ∇ log p(x | prompt) − ∇ log p(x) (the difference of the two scores) and H its Jacobian in x, the
signal is ‖H s‖². H is never formed: one backward pass of the network gives its product with s. It is the
gradient of Wen's squared magnitude halved, and so weighs the directions in which the landscape bends most.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from explorer.diffusion.models import Model
from explorer.diffusion.sampling import Batch
from explorer.diffusion.schedulers import pulled
from explorer.errors import ExplorerError
from explorer.findings.signals.observers import Key, key_of, seen_both_ways
from explorer.records import Recipe
from explorer.run import QUIET, Run

EVALUATIONS = 2 + 2 * 2  # with and without the prompt; a backward pass costs about two forward ones


def sharpness(model: Model, recipes: Sequence[Recipe], *, batch: int = 0, run: Run = QUIET) -> dict[Key, float]:
    """‖H s‖² of each recipe at the first step of its schedule, in [0, ∞); `run` ticks after each batch.

    x is the network's input (unit variance at the start), so the value does not depend on the scheduler's
    scaling. ExplorerError without guidance. Needs the memory of a backward pass.
    """
    size, found = batch or max(1, model.policy.batch // 4), {}
    for at in range(0, len(recipes), size):
        group = seen_both_ways(model, recipes[at:at + size])
        if not (group.guided or group.paired):
            raise ExplorerError("findings.curvature_sharpness_compares_model")
        values = _product(model, group).square().sum(dim=(1, 2, 3))
        found |= {key_of(r): float(v) for r, v in zip(group.recipes, values.cpu(), strict=True)}
        run.tick()
    return found


def _product(model: Model, run: Batch) -> torch.Tensor:
    """(n, c, h, w) float32: H s at the run's first step."""
    timestep = run.timesteps[0]
    levels = run.stepper.levels(timestep)
    deviation = levels[1] / (levels[0] ** 2 + levels[1] ** 2) ** 0.5  # of the noise in the network's input
    with torch.inference_mode(False), torch.enable_grad():
        words = model.family.encode(run.recipes, paired=True).each(torch.Tensor.clone)
        x = run.stepper.scale(run.latents, timestep).clone().requires_grad_()
        score = pulled(*model.family.predict(x, timestep.clone(), words), levels, run.kind) / -deviation
        scale = score.detach().square().mean().sqrt().clamp_min(1e-12)  # keeps half precision in range
        product, = torch.autograd.grad(score, x, grad_outputs=score.detach() / scale)
    return product.float() * scale
