"""Every signal against its formula, on tiny pipelines of each family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor

from explorer.closeness.pixel_scores import tiled_l2
from explorer.diffusion.families.shared_text import cross_attentions
from explorer.diffusion.sampling import sample
from explorer.diffusion.schedulers import predicted_noise, pulled
from explorer.errors import Cancelled, ExplorerError
from explorer.findings.signals import cliques
from explorer.findings.signals.bright_ending import BrightEnding, EndAttention, masked_magnitude
from explorer.findings.signals.curvature import sharpness
from explorer.findings.signals.observers import noise_difference, prompt_recipes, watch
from explorer.findings.signals.one_step import OneStep
from explorer.findings.signals.wen import Wen, magnitude
from tests.diffusion import tiny
from tests.findings.signals.alone import alone, curvature, table
from tests.heard import Heard

PROMPTS, SEEDS, STEPS = ["a red boat", "two"], (3, 11), 4


@pytest.fixture(scope="module", params=tiny.VARIANTS)
def model(request, tmp_path_factory):
    return tiny.model(request.param, tmp_path_factory.mktemp(request.param))


def views(model, **changes):
    recipe = replace(prompt_recipes(model, PROMPTS[:1], seeds=SEEDS[:1], steps=STEPS)[0], **changes)
    found = []
    sample(model, [recipe], on_step=found.append)
    return found


def _noise(view, prediction):
    return predicted_noise(prediction, view.sample, view.levels, view.kind)


def test_wen_is_the_norm_of_the_difference_of_the_two_predictions(model):
    seen = views(model)
    norms = [float((_noise(v, v.conditional) - _noise(v, v.unconditional)).norm()) for v in seen]
    first = alone(model, Wen(first_only=True), PROMPTS, seeds=SEEDS, steps=STEPS)
    every = alone(model, Wen(), PROMPTS, seeds=SEEDS, steps=STEPS)
    assert first.shape == every.shape == (2, 2)
    assert first[0, 0] == pytest.approx(norms[0], rel=1e-3)
    assert every[0, 0] == pytest.approx(np.mean(norms), rel=1e-3)


def test_one_step_compares_the_first_prediction_with_the_starting_noise(model):
    first = views(model)[0]
    alpha, sigma = first.levels
    noise = first.sample / (alpha ** 2 + sigma ** 2) ** 0.5
    assert float(noise.std()) == pytest.approx(1.0, abs=0.1)
    found = alone(model, OneStep(), PROMPTS, seeds=SEEDS, steps=STEPS)
    assert found[0, 0] == pytest.approx(float(((first.x0 - noise) ** 2).mean()), rel=1e-3)


def test_end_attention_is_what_the_network_attends_with(model):
    """Against diffusers' own attention scores, recorded by a processor in the first layer of the way down."""
    observer = EndAttention()
    recipes = prompt_recipes(model, PROMPTS, seeds=SEEDS, steps=STEPS)
    watch(model, recipes, [observer])
    maps = observer.maps()
    weights = _recorded(model, recipes[:1])  # (heads, 64, 77)
    end = len("aredboat") + 1  # a letter a token, after the start token
    wanted = torch.nn.functional.interpolate(weights[..., end].mean(0).reshape(1, 1, 8, 8), (16, 16),
                                             mode="bilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(maps[PROMPTS[0], SEEDS[0]], wanted, rtol=1e-3)
    assert set(maps) == {(p, s) for p in PROMPTS for s in SEEDS}
    for mask in maps.values():
        assert mask.shape == (16, 16)
        assert 0 < mask.min() <= mask.max() < 1
    whole = table(observer.result(), PROMPTS, SEEDS)
    assert whole[0, 0] == pytest.approx(maps[PROMPTS[0], SEEDS[0]].mean(), rel=1e-5)


class _Recorder(AttnProcessor):
    seen: torch.Tensor

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, **kwargs):
        query = attn.head_to_batch_dim(attn.to_q(hidden_states[1:]))  # the half with the prompt
        self.seen = attn.get_attention_scores(query, attn.head_to_batch_dim(attn.to_k(encoder_hidden_states[1:])))
        return super().__call__(attn, hidden_states, encoder_hidden_states, **kwargs)


def _recorded(model, recipes):
    """(heads, l, t) attention of one image in the last step."""
    attention = cross_attentions(model.pipe.unet.down_blocks)[0]
    before, recorder = attention.processor, _Recorder()
    attention.set_processor(recorder)
    try:
        sample(model, recipes)
    finally:
        attention.set_processor(before)
    return recorder.seen


def test_bright_ending_weighs_the_difference_with_its_mask(model):
    observer = BrightEnding()
    recipes = prompt_recipes(model, PROMPTS[:1], seeds=SEEDS[:1], steps=STEPS)
    watch(model, recipes, [observer])
    mask = next(iter(observer.maps().values()))
    steps = np.stack([noise_difference(v)[0].numpy() for v in views(model)])
    value = next(iter(observer.result().values()))
    assert value == pytest.approx(float(masked_magnitude(steps, mask)), rel=1e-3)
    flat = masked_magnitude(steps, np.full_like(mask, 0.3))
    assert flat == pytest.approx(float(np.mean(magnitude(steps))), rel=1e-5)


def test_curvature_is_half_the_gradient_of_the_squared_difference_of_scores(model):
    """‖H s‖² by one backward pass, against central differences of ½‖s‖² along its own direction."""
    from explorer.diffusion.sampling import Batch
    recipes = prompt_recipes(model, PROMPTS[:1], seeds=SEEDS[:1], steps=STEPS)
    value, = sharpness(model, recipes).values()
    run = Batch(model, recipes)
    timestep, levels = run.timesteps[0], run.stepper.levels(run.timesteps[0])
    deviation = levels[1] / (levels[0] ** 2 + levels[1] ** 2) ** 0.5
    words = model.family.encode(run.recipes, paired=True)
    model.pipe.unet.double()
    try:
        with torch.no_grad():
            x = run.stepper.scale(run.latents, timestep).double()
            doubled = words.each(torch.Tensor.double)

            def half(at):
                return 0.5 * float((pulled(*model.family.predict(at, timestep, doubled), levels, run.kind)
                                    / deviation).square().sum())
            step, slopes = 1e-3, []
            generator = torch.Generator().manual_seed(0)
            for _ in range(64):
                u = torch.randn(x.shape, generator=generator, dtype=torch.float64)
                slopes.append((half(x + step * u) - half(x - step * u)) / (2 * step))
    finally:
        model.pipe.unet.float()
    # E (u · g)² = ‖g‖² for standard normal u
    assert value == pytest.approx(np.mean(np.square(slopes)), rel=0.6)


def test_one_run_gives_what_each_signal_gives_alone(model):
    observers = [Wen(first_only=True), Wen(), BrightEnding(), OneStep()]
    recipes = prompt_recipes(model, PROMPTS, seeds=SEEDS, steps=STEPS)
    made = [e for e in watch(model, recipes, observers, batch=3, images=True) if hasattr(e, "rgb")]
    assert [m.recipe.seed for m in made] == [3, 11, 3, 11]
    singly = [alone(model, Wen(first_only=True), PROMPTS, seeds=SEEDS, steps=STEPS),
              alone(model, Wen(), PROMPTS, seeds=SEEDS, steps=STEPS),
              alone(model, BrightEnding(), PROMPTS, seeds=SEEDS, steps=STEPS),
              alone(model, OneStep(), PROMPTS, seeds=SEEDS, steps=STEPS)]
    for observer, value in zip(observers, singly, strict=True):
        np.testing.assert_allclose(table(observer.result(), PROMPTS, SEEDS), value, rtol=2e-3)


def test_watching_changes_no_image_and_leaves_no_hook(model):
    recipes = prompt_recipes(model, PROMPTS[:1], seeds=SEEDS, steps=STEPS)
    plain = [r.rgb for r in sample(model, recipes)]
    watched = [r.rgb for r in watch(model, recipes, [BrightEnding()], images=True)]
    np.testing.assert_array_equal(plain, watched)
    hooks = []

    def third():
        hooks.append(_hooks(model))
        return len(hooks) == STEPS - 1
    with pytest.raises(Cancelled):
        watch(model, recipes, [BrightEnding()], run=Heard(when=third))
    assert len(hooks) == STEPS - 1 and hooks[-1] > 0
    assert _hooks(model) == 0


def _hooks(model):
    return sum(len(m._forward_pre_hooks) for m in model.pipe.unet.modules())


def test_curvature_does_not_depend_on_the_batch(model):
    one = curvature(model, PROMPTS, seeds=SEEDS, steps=STEPS, batch=1)
    many = curvature(model, PROMPTS, seeds=SEEDS, steps=STEPS, batch=4)
    np.testing.assert_allclose(one, many, rtol=1e-2)
    assert (one > 0).all()


@pytest.fixture(scope="module")
def one_model(tmp_path_factory):
    return tiny.model("sd1-kl", tmp_path_factory.mktemp("one"))


def test_signals_that_cannot_be_had_say_so(one_model, tmp_path):
    with pytest.raises(ExplorerError, match="guidance above 1"):
        alone(one_model, Wen(), PROMPTS, seeds=SEEDS, steps=STEPS, guidance=1.0)
    with pytest.raises(ExplorerError, match="guidance above 1"):
        curvature(one_model, PROMPTS, seeds=SEEDS, steps=STEPS, guidance=1.0)
    with pytest.raises(ExplorerError, match="at least two"):
        alone(one_model, BrightEnding(), PROMPTS, seeds=SEEDS, steps=1)
    with pytest.raises(ExplorerError, match="look inside the sampler"):
        alone(tiny.other_model(tmp_path), Wen(), PROMPTS, seeds=SEEDS)


def test_cliques_are_mutual():
    """Three near one another, two near one of these only, one alone."""
    near = np.array([[0, 1, 1, 1, 1, 0], [1, 0, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0],
                     [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)
    distances = np.where(near, 0.1, 0.5)
    assert cliques.largest_clique(distances) == (0, 1, 2)
    assert cliques.largest_clique(distances, threshold=0.05) in [(i,) for i in range(6)]
    assert cliques.largest_clique(distances, threshold=0.6) == (0, 1, 2, 3, 4, 5)


def test_pairwise_distances_are_the_tiled_ones():
    images = np.random.default_rng(5).integers(0, 256, (4, 30, 22, 3), dtype=np.uint8)
    images[3] = images[0]
    found = cliques.pairwise_tiled(images)
    wanted = [[tiled_l2(a, b) for b in images] for a in images]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert cliques.clique(images) == 2
