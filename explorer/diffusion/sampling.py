"""Our own batched denoising loop over a pipeline's parts.

It equals diffusers' own call (same conditioning, scheduler and draws from each image's generator), and
besides lets a search look inside every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from explorer.diffusion.autoencoder import Encoded, decode
from explorer.diffusion.check_recipe import check_recipe, complete
from explorer.diffusion.families.family import Words
from explorer.diffusion.fitted_words import check_code, decoded
from explorer.diffusion.kdiffusion.stepper import ProgramStepper, rescaled
from explorer.diffusion.models import Model
from explorer.diffusion.noise import generator_for, starting_noise
from explorer.diffusion.own_call import OwnStep, by_own_call, own_calls, own_key
from explorer.diffusion.rendered import Rendered, noise_blob, rendered, sha256_array
from explorer.diffusion.safety import flags
from explorer.diffusion.schedulers import Stepper, predicted_x0, prediction_of, pulled
from explorer.errors import ExplorerError
from explorer.records import Recipe
from explorer.records.program_samplers import BY_KEY
from explorer.run import QUIET, Run


@dataclass(frozen=True)
class StepView:
    """What one step saw and did; tensors are (n, c, h, w), one row an image of `recipes`."""

    index: int  # from 0
    steps: int
    timestep: float
    recipes: tuple[Recipe, ...]
    sample: torch.Tensor  # latents before the step
    latents: torch.Tensor  # latents after it
    prediction: torch.Tensor  # the network's output, guided
    conditional: torch.Tensor  # with the prompt
    unconditional: torch.Tensor | None  # without it; None without guidance
    levels: tuple[float, float]  # sample = levels[0]·x0 + levels[1]·noise
    kind: str  # "epsilon" | "v_prediction" | "sample" | "flow"

    @cached_property
    def x0(self) -> torch.Tensor:
        """Predicted clean latents under guidance."""
        return predicted_x0(self.prediction, self.sample, self.levels, self.kind)

    @property
    def pull(self) -> torch.Tensor | None:
        """What the prompt changes of the prediction, see `pulled`; None without a second one."""
        if self.unconditional is None:
            return None
        return pulled(self.conditional, self.unconditional, self.levels, self.kind)


@dataclass(frozen=True, eq=False)
class Hint:
    """What saves evaluations where replays are only looked at.

    The first and the last step are taken without guidance. With `x0`, clean latents that are nearly the same
    whatever the seed, the first step goes there, and the network is not asked. With `pulls`, what the prompt
    changes of the network's output at each step between, on average over seeds, those steps are guided by them,
    and the network is not asked without the prompt. All are (c, h, w), or (n, c, h, w) with one a recipe.
    """

    x0: torch.Tensor | None = None
    pulls: tuple[torch.Tensor, ...] | None = None


def batch_key(model: Model, recipe: Recipe) -> tuple[Any, ...]:
    """Recipes with equal keys can be denoised together."""
    if by_own_call(model, recipe):
        return own_key(recipe)
    skip = recipe.steps - model.family.facts.steps_run(recipe.steps, recipe.strength)
    part = recipe.strength if recipe.scheduler in BY_KEY else None  # which counts its steps in other ways
    return (recipe.model, recipe.scheduler, repr(sorted(recipe.scheduler_config.items())), recipe.eta,
            recipe.steps, skip, part, recipe.start_sha256, recipe.width_px, recipe.height_px,
            _guided(model, recipe), recipe.embedding_blob)


class Batch:
    """Images of one `batch_key` on their way from noise to pixels."""

    def __init__(self, model: Model, recipes: Sequence[Recipe], *, start_rgb: np.ndarray | None = None,
                 noise: np.ndarray | None = None, start_latents: np.ndarray | None = None,
                 paired: bool = False, words: bytes | None = None, hint: Hint | None = None) -> None:
        """`start_rgb` (h, w, 3) uint8 is needed where the recipes start from an image.

        `start_latents` (c, h, w) float32 stands for that image's own latents; every draw stays as it was. `noise`
        (n, c, h, w) float32 replaces the seeds' noise (optimised or inverted) for recipes whose `noise_blob` names
        it; `words` is the code of the embedding that their `embedding_blob` names. A batch with a `hint` is for
        looking, since no recipe tells of one, and does not `finish`. With
        `paired` the network is asked without the prompt too, even where guidance does not need it. ExplorerError
        if a recipe does not fit the model, its image or its noise.
        """
        self.model, self.index, self.hint, self.paired = model, 0, hint, paired
        self.recipes = [complete(model, r) for r in recipes]
        for recipe in self.recipes:
            check_recipe(model, recipe)
        if len({batch_key(model, r) for r in self.recipes}) != 1:
            raise ValueError("recipes of one batch must share everything but seed, prompt and guidance")
        first = self.recipes[0]
        _check_start(first, start_rgb)
        _check_noise(self.recipes, noise)
        check_code(first, words)
        self._code = words
        self.guided = _guided(model, first)
        self.stepper, self.timesteps = _stepper(model, self.recipes)
        self.kind = self.stepper.kind
        with torch.inference_mode():
            self._words: dict[bool, Words] = {}
            self._words_now(self.guided or paired)
            self.latents, self.noise_hashes = self._begin(start_rgb, noise, start_latents)

    @property
    def done(self) -> bool:
        return self.index >= len(self.timesteps)

    def _begin(self, start_rgb: np.ndarray | None, given: np.ndarray | None,
               start_latents: np.ndarray | None) -> tuple[torch.Tensor, list[str]]:
        clean = None
        if start_rgb is not None:  # an AutoencoderKL draws before the noise is drawn, as in diffusers
            drawn = Encoded(self.model, start_rgb).draw(self.stepper.generators)
            if start_latents is not None:
                drawn = torch.from_numpy(start_latents)[None].to(self.model.device, self.model.family.latents_dtype)
            clean = drawn.expand(len(self.recipes), -1, -1, -1)
        noise = self._noise() if given is None else torch.from_numpy(np.array(given))
        hashes = [sha256_array(one.numpy()) for one in noise]
        latents = noise.to(self.model.device, self.model.family.latents_dtype)
        return self.stepper.begin(clean, latents), hashes

    def _noise(self) -> torch.Tensor:
        """(n, c, h/f, w/f) float32: the next draw of each image's generator, or its named source's noise."""
        if isinstance(self.stepper, ProgramStepper):
            return self.stepper.noise(self.model.noise_shape(self.recipes[0]))
        rows = []
        for recipe, generator in zip(self.recipes, self.stepper.generators, strict=True):
            shape = self.model.noise_shape(recipe)
            own = torch.randn((1, *shape), generator=generator)[0]  # moves the generator on in every case
            plain = recipe.noise_source == "torch-cpu" and recipe.variation is None
            rows.append(own if plain else starting_noise(recipe.seed, shape, recipe.noise_source,
                                                         recipe.variation))
        return torch.stack(rows)

    @torch.inference_mode()
    def step(self) -> StepView:
        """Takes one step and tells what it saw."""
        timestep, sample, at = self.stepper.look(self.timesteps[self.index], self.latents)
        levels = self.stepper.levels(at)
        guided, told, pull = self._guided_now(), self._told_now(), self._pull_now()
        family, unconditional, scaled = self.model.family, None, self.stepper.scale(sample, at)
        if told:
            conditional = prediction_of(self.hint.x0.to(sample), sample, levels, self.kind)
        else:
            asked = self.paired or (guided and pull is None)
            conditional, unconditional = family.predict(scaled, timestep, self._words_now(asked))
        prediction = conditional
        if guided:
            without = unconditional if pull is None else conditional - pull.to(conditional)
            prediction = family.guide(conditional, without, self._guidance())
            prediction = self._rescaled(prediction, conditional, sample, at)
        self.latents = self.stepper.step(prediction, at, sample)
        self.index += 1
        return StepView(self.index - 1, len(self.timesteps), float(timestep), tuple(self.recipes), sample,
                        self.latents, prediction, conditional, unconditional, levels, self.kind)

    def _words_now(self, guided: bool) -> Words:
        """The encoded prompts, with guidance or without; one row a prompt where that is one."""
        if guided not in self._words:
            own = self.model.family.encode(self.recipes, paired=guided, shared=True)
            self._words[guided] = own if self._code is None else own.reworded(decoded(self._code, own.text[:1]))
        return self._words[guided]

    def _told_now(self, index: int | None = None) -> bool:
        """Whether a step, by default the next, is told its clean latents."""
        given = self.hint is not None and self.hint.x0 is not None
        return given and (self.index if index is None else index) == 0

    def _guided_now(self, index: int | None = None) -> bool:
        """Whether a step, by default the next, is taken under guidance."""
        index = self.index if index is None else index
        return self.guided and (self.hint is None or 0 < index < len(self.timesteps) - 1)

    def _pull_now(self) -> torch.Tensor | None:
        """What guides the next step in place of a second prediction."""
        shared = self.hint is not None and self.hint.pulls is not None and self._guided_now()
        return self.hint.pulls[self.index - 1] if shared else None

    @property
    def unet_evaluations(self) -> int:
        """Of one image's whole run; a guided step counts twice, one that is told its latents not at all."""
        own = self.hint is None or self.hint.pulls is None
        return sum(0 if self._told_now(i) else 1 + (self.paired or (own and self._guided_now(i)))
                   for i in range(len(self.timesteps)))

    def _guidance(self) -> float | torch.Tensor:
        scales = [r.guidance for r in self.recipes]
        if len(set(scales)) == 1:
            return scales[0]
        kind = self.model.family.latents_dtype
        return torch.tensor(scales, device=self.model.device, dtype=kind).view(-1, 1, 1, 1)

    def _rescaled(self, prediction: torch.Tensor, conditional: torch.Tensor, sample: torch.Tensor,
                  at: torch.Tensor) -> torch.Tensor:
        """Guidance brought back to the conditional prediction's spread, where the recipes say so."""
        config = self.recipes[0].scheduler_config
        part = config.get("guidance_rescale")
        return prediction if not part else rescaled(prediction, conditional, sample, at, part=part, kind=self.kind,
                                                    program=config.get("program", "diffusers"))

    def finish(self) -> list[Rendered]:
        """Decodes the latents and hashes every stage; ValueError for a batch with a hint."""
        if self.hint is not None:
            raise ValueError("steps were taken by a hint, which no recipe says")
        images = decode(self.model, self.latents)
        latents = self.latents.float().cpu().numpy()
        marks = flags(self.model, images)
        return [rendered(recipe, rgb, one, noise_sha256=noise, unet_evaluations=self.unet_evaluations, flagged=flag)
                for recipe, rgb, one, noise, flag
                in zip(self.recipes, images, latents, self.noise_hashes, marks, strict=True)]


def _stepper(model: Model, recipes: Sequence[Recipe]) -> tuple[Stepper | ProgramStepper, Sequence[torch.Tensor]]:
    """How the recipes are stepped, diffusers' way or a k-diffusion program's, and the steps to come."""
    first, flow = recipes[0], model.family.facts.flow
    if first.scheduler in BY_KEY:
        own = ProgramStepper(recipes)
        return own, own.plan(model.device)
    stepper = Stepper(first.scheduler, first.scheduler_config, eta=first.eta,
                      generators=[generator_for(r) for r in recipes], flow=flow)
    skip = first.steps - model.family.facts.steps_run(first.steps, first.strength)
    return stepper, stepper.start(first.steps, skip=skip, device=model.device, schedule=model.schedule(first))


def _guided(model: Model, recipe: Recipe) -> bool:
    """diffusers guides above 1 only; k-diffusion's programs at every scale but 1."""
    below = recipe.scheduler in BY_KEY and recipe.guidance < 1.0
    return model.family.guided(2.0 if below else recipe.guidance)


def sample(model: Model, recipes: Sequence[Recipe], *, start_rgb: np.ndarray | None = None,
           noise: np.ndarray | None = None, start_latents: np.ndarray | None = None,
           words: bytes | None = None, run: Run = QUIET,
           on_step: Callable[[StepView | OwnStep], None] | None = None) -> list[Rendered]:
    """Images of recipes that share a `batch_key`, one a recipe.

    `start_rgb` is (h, w, 3) uint8 of the recipes' size where they start from an image (`start_latents`,
    (c, h, w) float32, in place of its own); `noise` is (n, c, h, w) float32 for recipes with a `noise_blob`,
    `words` the code of the embedding that their `embedding_blob` names.
    `on_step` sees every step, and `run` ticks after it; of a family without our own loop it sees its latents only.
    ExplorerError as `Batch`; out-of-memory errors pass through, so that the caller can halve the batch.
    """
    if by_own_call(model, recipes[0]):
        return own_calls(model, [complete(model, r) for r in recipes], start_rgb=start_rgb, run=run,
                         on_step=on_step)
    batch = Batch(model, recipes, start_rgb=start_rgb, noise=noise, start_latents=start_latents, words=words)
    while not batch.done:
        view = batch.step()
        if on_step is not None:
            on_step(view)
        run.tick()
    return batch.finish()


def _check_noise(recipes: Sequence[Recipe], noise: np.ndarray | None) -> None:
    names = [None] * len(recipes) if noise is None else [noise_blob(one) for one in noise]
    for recipe, name in zip(recipes, names, strict=True):
        if recipe.noise_blob != name:
            raise ExplorerError("diffusion.sampling_recipe_starts_stored")


def _check_start(recipe: Recipe, start_rgb: np.ndarray | None) -> None:
    needs = recipe.strength is not None
    if needs != (start_rgb is not None):
        raise ExplorerError("diffusion.sampling_recipe_starts_image" if needs
                            else "diffusion.sampling_starting_image_given")
    if start_rgb is not None and start_rgb.shape != (recipe.height_px, recipe.width_px, 3):
        raise ExplorerError("diffusion.sampling_starting_image_recipe", last_shape=start_rgb.shape[1],
                            first_shape=start_rgb.shape[0], width_px=recipe.width_px, height_px=recipe.height_px)
