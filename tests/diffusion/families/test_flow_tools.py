"""What is built on the loop, over every flow family: inversion, optimised noise, searches, recovery, signals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.autoencoder import Encoded, round_trip
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.inversion import invert
from explorer.diffusion.noise import starting_noise
from explorer.diffusion.preview import LatentPreview
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.findings.signals.measure import measure
from explorer.findings.signals.observers import noise_difference, prompt_recipes, seen_both_ways
from explorer.findings.signals.signal_list import SIGNALS, possible
from explorer.findings.signals.trigger_words import word_influence
from explorer.images.decode import read_png
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings, Variation
from explorer.search.closer import run_closer
from explorer.search.expand import expand, summarise
from explorer.search.one_search import Given, run_search
from explorer.search.optimised import optimise
from explorer.search.race import Checkpoint, RacePlan, race
from explorer.search.short_replays import LatentScorer, ShortReplays
from explorer.search.start_ledger import measure_start
from tests.diffusion import tiny
from tests.diffusion.families.tiny_flows import recipe

PLAN = RacePlan((Checkpoint(3, 0.5),))  # random weights: seeds do not set out for nearly the same


def picture():
    ramp = np.linspace(0, 255, tiny.SIZE_PX).astype(np.uint8)
    return np.stack([np.tile(ramp, (tiny.SIZE_PX, 1)), np.tile(ramp[:, None], (1, tiny.SIZE_PX)),
                     np.full((tiny.SIZE_PX,) * 2, 90, np.uint8)], -1)


def test_inversion_finds_the_noise_of_a_picture(model):
    plain = invert(model, recipe(model, guidance=model.family.facts.unguided, steps=6), picture(), rounds=0)
    found = invert(model, recipe(model, guidance=model.family.facts.unguided, steps=6), picture(), rounds=8)
    clean = Encoded(model, picture()).draw(None)[0].float().numpy()
    miss = [float(np.abs(exhibit(model, f.recipe, noise=f.noise).latents - clean).max()) for f in (plain, found)]
    assert miss[1] < miss[0] and miss[1] < 1e-2 and found.residual < 1e-2
    with pytest.raises(ExplorerError, match="scheduler euler"):
        invert(model, recipe(model, scheduler="unipc"), picture())


def test_round_trip_is_the_autoencoders_own(model):
    pixels = torch.from_numpy(picture() / 127.5 - 1).float().permute(2, 0, 1)[None]
    film = model.info.family == "qwen"
    with torch.inference_mode():
        vae = model.pipe.vae
        raw = vae.encode(pixels.unsqueeze(2) if film else pixels).latent_dist.mode()
        out = vae.decode(raw, return_dict=False)[0]
    own = ((out[:, :, 0] if film else out)[0] / 2 + 0.5).clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()
    assert np.abs(round_trip(model, picture()) - own).max() <= 1


def test_optimised_noise_comes_nearer(model):
    subject = exhibit(model, recipe(model, seed=8)).rgb
    found = optimise(model, recipe(model, seed=3), subject, rounds=6, steps=2, rate=0.1)
    assert min(found.distances[3:]) < found.distances[0]
    made = exhibit(model, found.recipe, noise=found.noise)
    assert made.recipe.steps == 2 and made.recipe.noise_blob


def test_a_race_ends_with_the_seed_that_made_the_picture(model):
    lanes = [recipe(model, seed=s, steps=4) for s in range(6)]
    subject = exhibit(model, lanes[4]).rgb
    result = race(model, lanes, subject, plan=PLAN, batch=3)
    assert 4 in [image.recipe.seed for image in result.finished]


def test_a_search_and_a_closer_one_run_over_it(model):
    settings = ReplaySettings("a red boat", seeds=2, steps=(2,), strengths=(0.5,), primary_score="l2")
    recipes = expand(settings, model=model.ref, info=model.info, start_sha256="a" * 64)
    made, pictures = [], {}

    def keep(replay, png):
        made.append(replay)
        pictures[replay.image_sha256] = read_png(png)
    task = RunSearch("c", "s", "q", settings)
    run_search(Given(model, None, task, picture(), keep, batch=2), recipes)
    assert [r.recipe.strength for r in made] == [None, None, 0.5]
    assert sum(r.unet_evaluations for r in made) == summarise(settings, model.info).unet_evaluations
    closer = RunSearch("c", "s", "r", ReplaySettings("", primary_score="l2", mode="closer", parent="p", rounds=1,
                                                     options=4))
    start = Given(model, None, closer, picture(), keep, batch=4, start_of=lambda r: pictures[r.start_sha256])
    run_closer(start, made[0], words=("green",))
    kinds = {(r.recipe.variation is not None, r.recipe.strength is not None) for r in made[3:]}
    assert len(made) == 7 and {(True, False), (False, True)} <= kinds


def test_variations_and_other_noise_sources(model):
    varied = recipe(model, variation=Variation(99, 0.3))
    channels = model.noise_shape(varied)
    assert channels == tuple(starting_noise(7, channels, "torch-cpu", varied.variation).shape)
    hashes = {exhibit(model, r).hashes["noise"] for r in (
        recipe(model), varied, recipe(model, noise_source="cuda-philox"))}
    assert len(hashes) == 3


def test_short_replays_and_looks_at_unfinished_images(model):
    scorer = LatentScorer(model, picture(), ShortReplays(seeds=2, steps=2))
    assert len(scorer(["a red boat", "two"])) == 2 and scorer.unet_evaluations > 0
    looks, glimpse, views = [], LatentPreview(model), []
    for seed in range(5):
        done = sample(model, [recipe(model, seed=seed, steps=2)], on_step=views.append)[0]
        glimpse.learn(done.latents, done.rgb)
    looks = glimpse.look(views[0].x0)
    assert looks.dtype == np.uint8 and looks.shape[-1] == 3 and looks.shape[1:3] == done.latents.shape[1:]


def test_what_an_image_put_in_is_measured(model):
    wanted = recipe(model, strength=0.5, start_sha256="a" * 64)
    made, subject = [], picture()
    task = RunSearch("c", "s", "q", ReplaySettings("x", primary_score="tiled_l2"))
    run_search(Given(model, None, task, subject, lambda replay, png: made.append(replay)), [wanted])
    easier = replace(made[0], closeness={"tiled_l2": 1.2 * made[0].closeness["tiled_l2"]})
    bill = measure_start(model, easier, subject, score="tiled_l2", start_rgb=subject)
    assert bill.bits > 0 and bill.gaussian_bits > 0 and bill.diffc_bits > 0


def test_signals_that_a_family_gives(model):
    found = measure(model, "a red boat", seeds=(0, 1), steps=3)
    assert tuple(found.results) == possible(model.info.family)
    assert set(SIGNALS) - set(found.results) == {"bright_ending", "end_attention"}
    views = []
    group = seen_both_ways(model, prompt_recipes(model, ["a red boat"], seeds=(0,), steps=3))
    while not group.done:
        views.append(group.step())
    first = noise_difference(views[0]).sum().sqrt()
    velocity = (views[0].conditional - views[0].unconditional).norm()
    assert float(first) == pytest.approx(float(velocity), rel=1e-4)
    assert found.results["wen_first"].by_seed[0] == pytest.approx(float(first), rel=1e-3)
    with pytest.raises(ExplorerError, match="does not keep apart"):
        measure(model, "a red boat", names=("bright_ending",), seeds=(0,), steps=3)


def test_the_words_that_pull(model):
    found = word_influence(model, "ab b ab", seeds=(0,), steps=2)
    if model.info.family == "flux2":  # its processor adds words of its own
        assert found == ()
        return
    assert [t.term for t in found] == ["ab", "b", "ab (2)"] and all(t.gain > 0 for t in found)


def test_a_words_influence_is_the_gradient_in_its_tokens(flows):
    """Against central differences in the embedding of one token, on the first step."""
    model = flows("flux")
    (_, places), = [w for w in model.family.word_places("ab b") if w[0] == "b"]
    group = seen_both_ways(model, prompt_recipes(model, ["ab b"], seeds=(5,), steps=1))
    words = model.family.encode(group.recipes, paired=True)
    timestep = group.timesteps[0]
    with torch.no_grad():
        def pull(place, change):
            text = words.text.clone()
            text[0, place] += change
            given, _ = model.family.predict(group.latents, timestep, words.alone(text))
            _, empty = model.family.predict(group.latents, timestep, words)
            return float((given - empty).norm())
        steps = 0.02 * torch.eye(words.text.shape[-1])
        norms = [torch.tensor([(pull(p, e) - pull(p, -e)) / 0.04 for e in steps]).norm() for p in places]
    found = {t.term: t.gain for t in word_influence(model, "ab b", seeds=(5,), steps=1)}
    assert found["b"] == pytest.approx(float(max(norms)), rel=0.05)
