"""Recipes in A1111's and ComfyUI's ways through the real loop, beside k-diffusion itself on the same networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from k_diffusion import external, sampling

from explorer.diffusion.kdiffusion.noises import Stream
from explorer.diffusion.kdiffusion.schedules import Levels, sigmas_of
from explorer.diffusion.noise import philox_normal
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.records import Variation
from explorer.records.program_samplers import BY_KEY, evaluations
from tests.diffusion import tiny
from tests.diffusion.kdiffusion.test_against_k_diffusion import BROWNIAN, CONFIG, THEIRS

SHAPE = (4, 16, 16)


class Wrapped(torch.nn.Module):
    """A pipeline's UNet with guidance, as the programs hand it to k-diffusion's denoiser."""

    def __init__(self, model, recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe
        self.alphas_cumprod = 1 / (Levels.of(CONFIG).sigmas ** 2 + 1)
        self.words = model.family.encode([recipe], paired=True)

    def apply_model(self, x, t, cond=None):
        with_words, without = self.model.family.predict(x, t[0], self.words)
        return without + self.recipe.guidance * (with_words - without)


def by_hand(model, recipe, *, scale="sigma", whole=False, step=None, path="torch-cpu"):
    """k-diffusion itself, with the program's noise: the latents of one recipe."""
    config = recipe.scheduler_config
    kind = model.pipe.scheduler.config.prediction_type
    wrapper = external.CompVisVDenoiser if kind == "v_prediction" else external.CompVisDenoiser
    theirs = wrapper(Wrapped(model, recipe), quantize=whole)
    sigmas = sigmas_of(config["schedule"], Levels.of(CONFIG), recipe.steps, program=config["program"],
                       drop=config["program"] in BY_KEY[recipe.scheduler].drops)
    stream = Stream(recipe.noise_source, recipe.seed)
    noise = stream.draw(SHAPE)[None]
    x = noise * (sigmas[0] if scale == "sigma" else (1 + sigmas[0] ** 2) ** 0.5)
    step = step or stream
    options = {}
    if recipe.scheduler in BROWNIAN:
        options["noise_sampler"] = sampling.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(),
                                                                     seed=[recipe.seed])
    elif recipe.scheduler.endswith("_a"):
        options["noise_sampler"] = lambda a, b: step.draw(SHAPE)[None]
    if recipe.scheduler.endswith("sde_heun"):
        options["solver_type"] = "heun"
    with torch.inference_mode():
        return getattr(sampling, THEIRS[recipe.scheduler])(theirs, x, sigmas, {"cond": None} if kind != "epsilon"
                                                           else {}, disable=True, **options)[0].numpy()


def assert_equal(ours, theirs):
    assert np.isfinite(ours).all()
    assert np.abs(ours - theirs).max() <= 1e-4 * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("scheduler", THEIRS)
@pytest.mark.parametrize("variant", ["sd1-tiny", "sd2-v", "sdxl"])
def test_a1111(models, variant, scheduler):
    """Noise on the card, timesteps between the table's, the sampler's own schedule."""
    model = models(variant)
    recipe = tiny.recipe(model, scheduler=scheduler, steps=4, guidance=3.0, noise_source="cuda-philox",
                         scheduler_config={"program": "a1111", "schedule": "karras", "step_noise": "torch-cpu"}
                         if scheduler in BROWNIAN else {"program": "a1111", "schedule": "karras"})
    assert_equal(sample(model, [recipe])[0].latents, by_hand(model, recipe))


@pytest.mark.parametrize("scheduler", ["k_euler", "k_euler_a", "k_dpm_2", "k_dpmpp_2m", "k_dpmpp_sde"])
@pytest.mark.parametrize("schedule", ["normal", "karras", "simple", "sgm_uniform", "beta", "exponential"])
def test_comfyui(models, scheduler, schedule):
    """Start on the CPU and scaled up, whole timesteps, ancestral noise from the card and the seed anew."""
    model = models("sd1-tiny")
    noise = "torch-cpu" if scheduler in BROWNIAN else "cuda-philox"
    recipe = tiny.recipe(model, scheduler=scheduler, steps=4, guidance=3.0, noise_source="torch-cpu",
                         scheduler_config={"program": "comfyui", "schedule": schedule, "step_noise": noise})
    theirs = by_hand(model, recipe, scale="root", whole=True, step=Stream("cuda-philox", recipe.seed))
    assert_equal(sample(model, [recipe])[0].latents, theirs)


def test_eta_noise_seed_delta_and_resized_noise(models):
    model = models("sd1-tiny")
    config = {"program": "a1111", "schedule": "normal", "seed_delta": 31337}
    recipe = tiny.recipe(model, scheduler="k_euler_a", steps=4, guidance=3.0, noise_source="cuda-philox",
                         scheduler_config=config)
    theirs = by_hand(model, recipe, step=Stream("cuda-philox", recipe.seed + 31337))
    assert_equal(sample(model, [recipe])[0].latents, theirs)
    small = tiny.recipe(model, scheduler="k_euler_a", steps=4, noise_source="cuda-philox",
                        scheduler_config={**config, "resized_from": [16, 16]})
    assert sample(model, [small])[0].hashes["noise"] != sample(model, [recipe])[0].hashes["noise"]


def test_a_seed_resized_lies_in_the_middle():
    from explorer.diffusion.kdiffusion.noises import start
    small = torch.from_numpy(philox_normal(7, 4 * 8 * 8)).reshape(4, 8, 8)
    made = start(Stream("cuda-philox", 7), (4, 16, 12), resized_from=(64, 64))
    assert torch.equal(made[:, 4:12, 2:10], small)
    mixed = start(Stream("cuda-philox", 7), (4, 16, 12), resized_from=(64, 64), variation=Variation(8, 0.3))
    assert not torch.equal(mixed[:, 4:12, 2:10], small)


@pytest.mark.parametrize("scheduler", BY_KEY)
def test_batches_count_and_img2img(models, scheduler):
    """A batch equals its images alone; what is counted is what was looked at; a start is begun from part-way."""
    model = models("sd1-tiny")
    recipes = [tiny.recipe(model, seed=s, scheduler=scheduler, steps=3, guidance=2.0) for s in (1, 2)]
    together = sample(model, recipes)
    for recipe, one in zip(recipes, together, strict=True):
        alone = sample(model, [recipe])[0]
        assert np.abs(alone.latents - one.latents).max() < 1e-4
        assert one.unet_evaluations == 2 * evaluations(scheduler, 3, None)
    picture = np.full((tiny.SIZE_PX, tiny.SIZE_PX, 3), 128, np.uint8)
    for program in ("a1111", "comfyui"):
        begun = tiny.recipe(model, scheduler=scheduler, steps=4, strength=0.5, start_sha256="0" * 64,
                            scheduler_config={"program": program, "schedule": "karras"})
        made = sample(model, [begun], start_rgb=picture)[0]
        assert made.unet_evaluations == 2 * evaluations(scheduler, 4, 0.5, program)


@pytest.mark.parametrize("program", ["a1111", "comfyui"])
def test_guidance_is_rescaled_to_the_conditional_spread(models, program):
    """All the way back (1.0), the guided prediction has the conditional one's spread."""
    model = models("sd2-v")
    views = []
    recipe = tiny.recipe(model, scheduler="k_euler", steps=2, guidance=6.0,
                         scheduler_config={"program": program, "schedule": "normal", "guidance_rescale": 1.0})
    sample(model, [recipe], on_step=views.append)
    assert views[0].prediction.std().item() == pytest.approx(views[0].conditional.std().item(), rel=1e-4)


def test_an_unknown_schedule_is_refused_in_words(models):
    model = models("sd1-tiny")
    with pytest.raises(ExplorerError, match="schedule"):
        sample(model, [tiny.recipe(model, scheduler="k_euler", scheduler_config={"schedule": "x"})])
