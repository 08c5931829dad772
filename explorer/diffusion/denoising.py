"""How far a model's prediction is off on pictures that are given to it: its own training loss, at stated times.

A time is in thousandths of the way from picture to noise as the model was trained: the timestep of a UNet, the
noise level of a flow. Errors are taken on the model's own target: the noise (Ho et al. 2020), v (Salimans and Ho
2022) or a flow's velocity (Liu et al. 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded
from explorer.diffusion.families.family import Words
from explorer.diffusion.models import Model
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.schedulers import FLOW, Stepper, scheduler_config
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.run import QUIET, Run

THOUSANDTHS = 1000


@dataclass(frozen=True, eq=False)
class Noised:
    """Latents with noise laid over them, a row each: what the network is asked, and what it should answer."""

    samples: torch.Tensor  # (r, c, h, w)
    targets: torch.Tensor  # (r, c, h, w) float32
    times: torch.Tensor  # (r,) the network's timesteps


class NoiseLevels:
    """The levels of a model's training, by time."""

    def __init__(self, model: Model) -> None:
        """ExplorerError for a model that only its own pipeline runs."""
        if not model.own_loop:
            raise ExplorerError("familiarity.own_loop", name=model.info.name)
        self.model, self.flow = model, model.family.facts.flow
        if not self.flow:
            config = scheduler_config("ddim", model.scheduler_config)
            self._stepper = Stepper("ddim", config, generators=[])
            self._count = int(config["num_train_timesteps"])

    def at(self, time: int) -> tuple[float, float, float]:
        """(alpha, sigma, the network's timestep) at a time in [1, 999], with x = alpha·picture + sigma·noise."""
        share = time / THOUSANDTHS
        if self.flow:
            return 1.0 - share, share, float(time)
        step = min(self._count - 1, round(share * self._count))
        return *self._stepper.levels(torch.tensor(step)), float(step)

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: Sequence[int]) -> Noised:
        """Row i of `latents` and of `noise` (r, c, h, w) mixed at `times[i]`."""
        levels = [self.at(time) for time in times]
        alpha, sigma = (torch.tensor([level[i] for level in levels], dtype=torch.float32,
                                     device=latents.device).view(-1, 1, 1, 1) for i in (0, 1))
        clean, noise = latents.float(), noise.float()
        kind = FLOW if self.flow else self._stepper.kind
        targets = {FLOW: lambda: noise - clean, "epsilon": lambda: noise, "sample": lambda: clean,
                   "v_prediction": lambda: alpha * noise - sigma * clean}[kind]()
        kept = self.model.family.latents_dtype
        steps = torch.tensor([level[2] for level in levels], device=latents.device)
        return Noised((alpha * clean + sigma * noise).to(kept), targets, steps if self.flow else steps.long())


def latents_of(model: Model, pictures: Sequence[np.ndarray], *, run: Run = QUIET) -> torch.Tensor:
    """(n, c, h, w) latents, without a draw, of pictures (h, w, 3) uint8 of one size."""
    rows = []
    for rgb in pictures:
        rows.append(Encoded(model, rgb).draw(None))
        run.tick()
    return torch.cat(rows).clone()


def noises(model: Model, latents: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
    """(s, c, h, w) float32 noise of each seed, of the latents' shape and on their device."""
    return torch.stack([starting_noise(seed, tuple(latents.shape[1:])) for seed in seeds]).to(model.device)


def words_for(model: Model, prompts: Sequence[str], latents: torch.Tensor,
              text: torch.Tensor | None = None) -> Words:
    """The prompts as the network takes them, a row each; `text` (r, t, d) stands for their own embeddings.

    Pooled embeddings, where a family has them, stay the prompts' own; of `text` as many tokens count as the
    prompts have.
    """
    family, facts = model.family, model.family.facts
    height, width = (side * family.latent_shape[1] for side in latents.shape[2:])
    recipes = [Recipe(model.ref, one, 0, 1, facts.unguided, facts.walks_back, width, height) for one in prompts]
    words = family.encode(recipes, paired=False)
    return words if text is None else words.alone(text[:, :words.text.shape[1]].to(family.dtype))


def squared_errors(model: Model, seen: Noised, words: Words) -> torch.Tensor:
    """(r,) float32 mean squared error of each row's prediction, with a gradient where the words have one."""
    answer = model.family.predict(seen.samples, seen.times, words)[0]
    return (answer.float() - seen.targets).square().mean((1, 2, 3))


def denoising_errors(model: Model, latents: torch.Tensor, prompts: Sequence[str], *, times: Sequence[int],
                     seeds: Sequence[int] = (0,), text: torch.Tensor | None = None, batch: int = 0,
                     run: Run = QUIET) -> np.ndarray:
    """(n, times, seeds) float32 mean squared errors of n pictures' latents (n, c, h, w), each with its prompt.

    Every picture gets the same noise. `text` (n, t, d) stands for the prompts' embeddings; `batch` rows go together
    (0: what the model's memory allows); `run` ticks after each. One network evaluation a value.
    """
    levels, drawn = NoiseLevels(model), noises(model, latents, seeds)
    rows = [(i, time, s) for i in range(len(latents)) for time in times for s in range(len(seeds))]
    size, found = batch or model.policy.batch, []
    for at in range(0, len(rows), size):
        part = rows[at:at + size]
        picture, number = [row[0] for row in part], [row[2] for row in part]
        with torch.inference_mode():
            seen = levels.noised(latents[picture], drawn[number], [row[1] for row in part])
            own = None if text is None else text[picture]
            words = words_for(model, [prompts[i] for i in picture], latents, own)
            found.append(squared_errors(model, seen, words).cpu().numpy())
        run.tick()
    return np.concatenate(found).reshape(len(latents), len(times), len(seeds))
