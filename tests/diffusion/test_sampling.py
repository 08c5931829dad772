"""Our loop against each pipeline's own call, over every family."""

import numpy as np
import pytest
import torch
from diffusers import AutoPipelineForImage2Image

from explorer.diffusion.autoencoder import decode
from explorer.diffusion.sampling import Batch, sample
from explorer.diffusion.schedulers import build_scheduler, predicted_noise
from explorer.errors import ExplorerError
from explorer.records.samplers import SAMPLERS
from tests.diffusion import tiny
from tests.heard import Heard

TOLERANCE = 1e-4


def run(model, recipes, **more):
    return sample(model, recipes, **more)


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), dtype=np.uint8)


def own_call(model, recipe, *, start=None, output="latent"):
    """The pipeline's own call with its scheduler exchanged, as a diffusers user does it."""
    pipe = model.pipe if start is None else AutoPipelineForImage2Image.from_pipe(model.pipe)
    kept, pipe.scheduler = pipe.scheduler, build_scheduler(recipe.scheduler, model.scheduler_config)
    sized = {"width": recipe.width_px, "height": recipe.height_px}
    if start is None:
        more = sized
    else:
        image = torch.from_numpy(start / 255.0).float().permute(2, 0, 1)[None]
        more = {"image": image, "strength": recipe.strength}
    try:
        return pipe(recipe.prompt, negative_prompt=recipe.negative_prompt or None,
                    guidance_scale=recipe.guidance, num_inference_steps=recipe.steps, eta=recipe.eta,
                    output_type=output, generator=torch.Generator("cpu").manual_seed(recipe.seed),
                    **more).images
    finally:
        pipe.scheduler = kept


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_txt2img_equals_the_pipelines_own_call(model, scheduler):
    recipe = tiny.recipe(model, scheduler=scheduler, negative_prompt="dull")
    ours = run(model, [recipe])[0]
    theirs = own_call(model, recipe)[0].numpy()
    assert np.abs(ours.latents - theirs).max() < TOLERANCE


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_img2img_equals_the_pipelines_own_call(model, scheduler):
    recipe = tiny.recipe(model, scheduler=scheduler, strength=0.6, start_sha256="0" * 64)
    ours = run(model, [recipe], start_rgb=picture())[0]
    theirs = own_call(model, recipe, start=picture())[0].numpy()
    assert np.abs(ours.latents - theirs).max() < TOLERANCE


def test_pixels_equal_the_pipelines_own(model):
    recipe = tiny.recipe(model, scheduler="euler")
    theirs = (own_call(model, recipe, output="np")[0] * 255).round().astype("uint8")
    assert np.abs(run(model, [recipe])[0].rgb.astype(int) - theirs).max() <= 1


def test_no_second_pass_without_guidance(model):
    recipe = tiny.recipe(model, guidance=1.0)
    ours = run(model, [recipe])[0]
    assert ours.unet_evaluations == recipe.steps
    assert np.abs(ours.latents - own_call(model, recipe)[0].numpy()).max() < TOLERANCE


def test_ddim_with_eta_equals_the_pipelines_own(models):
    model = models("sd1-kl")
    recipe = tiny.recipe(model, eta=1.0)
    assert np.abs(run(model, [recipe])[0].latents - own_call(model, recipe)[0].numpy()).max() < TOLERANCE


@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_batch_of_8_equals_8_of_1(model, scheduler):
    recipes = [tiny.recipe(model, seed=s, scheduler=scheduler, guidance=2.0 + s % 2, steps=3,
                           prompt=f"boat {s % 3}") for s in range(8)]
    together = np.stack([r.latents for r in run(model, recipes)])
    alone = np.stack([run(model, [r])[0].latents for r in recipes])
    assert np.abs(together - alone).max() < TOLERANCE


def test_batch_of_img2img_equals_one_at_a_time(models):
    model = models("sd1-kl")
    recipes = [tiny.recipe(model, seed=s, scheduler="euler_a", strength=0.7, start_sha256="0" * 64)
               for s in range(3)]
    together = run(model, recipes, start_rgb=picture())
    for recipe, got in zip(recipes, together, strict=True):
        assert np.abs(got.latents - run(model, [recipe], start_rgb=picture())[0].latents).max() < TOLERANCE


@pytest.mark.parametrize("scheduler", ["euler", "ddim", "dpmpp_2m"])
def test_predicted_x0_of_the_last_step_is_what_the_run_ends_on(model, scheduler):
    views, heard = [], Heard()
    sample(model, [tiny.recipe(model, scheduler=scheduler)], run=heard, on_step=views.append)
    assert [v.index for v in views] == list(range(views[0].steps)) and heard.ticks == views[0].steps
    last = views[-1]
    # DDIM ends on the noise level of timestep 0, the others on none.
    tolerance = 0.05 if scheduler == "ddim" else 1e-3
    assert (last.x0 - last.latents).abs().max() < tolerance * last.latents.abs().max()


def test_views_expose_both_noise_predictions(models):
    model = models("sd2-v")
    view = Batch(model, [tiny.recipe(model)]).step()
    given, empty = (predicted_noise(p, view.sample, view.levels, view.kind)
                    for p in (view.conditional, view.unconditional))
    guided = empty + 4.0 * (given - empty)
    alpha, sigma = view.levels
    assert torch.allclose(alpha * view.x0 + sigma * guided, view.sample, atol=1e-4)


def test_a_batch_needs_common_settings(models):
    model = models("sd1-tiny")
    with pytest.raises(ValueError, match="share"):
        Batch(model, [tiny.recipe(model), tiny.recipe(model, steps=9)])


@pytest.mark.parametrize(("changes", "says"), [
    ({"width_px": 33}, "multiples of"), ({"guidance": 31.0}, "outside 0 to 30"), ({"steps": 0}, "1 to 1000"),
    ({"scheduler": "dpm_fast"}, "euler_a"), ({"seed": -1}, "seed"), ({"precision": "float16"}, "float16"),
    ({"dialect": "compel"}, "plain"), ({"not_replayable": ("hires fix",)}, "hires fix"),
    ({"strength": 0.1, "start_sha256": "0"}, "leave no step"), ({"noise_blob": "0"}, "stored noise"),
    ({"strength": 0.5}, "starts from an image")])
def test_bad_recipes_are_refused_in_a_sentence(models, changes, says):
    model = models("sd1-tiny")
    with pytest.raises(ExplorerError, match=says):
        run(model, [tiny.recipe(model, **changes)])


def test_decode_in_chunks_equals_at_once(models):
    model = models("sd1-kl")
    latents = torch.randn((5, 4, 16, 16), generator=torch.Generator().manual_seed(0))
    assert np.abs(decode(model, latents, chunk=2).astype(int) - decode(model, latents, chunk=5)).max() <= 1


def test_text_is_projected_once_a_run(models):
    model = models("sd1-tiny")
    calls = []
    hooks = [a.to_k.register_forward_hook(lambda m, i, o: calls.append(i[0].shape[0]))
             for a in model.family.attentions]
    run(model, [tiny.recipe(model, seed=s) for s in range(4)])
    for hook in hooks:
        hook.remove()
    assert calls == [2] * len(model.family.attentions)  # the prompt and the empty one, for 4 images and 5 steps


def test_an_exchanged_attention_processor_gets_full_rows(models):
    """Whoever looks at attention maps sets a processor; the loop then hands it a row an image."""
    from diffusers.models.attention_processor import AttnProcessor2_0
    model = models("sd1-kl")
    recipes = [tiny.recipe(model, seed=s) for s in range(3)]
    shared = np.stack([r.latents for r in run(model, recipes)])
    kept = model.family.attentions[0].processor
    model.family.attentions[0].set_processor(AttnProcessor2_0())
    try:
        plain = np.stack([r.latents for r in run(model, recipes)])
    finally:
        model.family.attentions[0].set_processor(kept)
    assert np.abs(shared - plain).max() < TOLERANCE
