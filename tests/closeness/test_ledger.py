"""The ledger's bits: fixed worked examples, and codes that really decode."""

import dataclasses
import math

import numpy as np
import pytest

from explorer.closeness import latent_code, start_code
from explorer.closeness.codecs import SIDES, codec_curve
from explorer.closeness.ledger import (
    choice_bits,
    prompt_bits,
    rounds_bits,
    rounds_entry,
    search_ledger,
    seeds_entry,
    settings_entry,
    supplied_by_you,
    text_bits,
    total_bits,
)
from explorer.records import Adapter, LedgerEntry, ModelRef, Recipe, ReplaySettings, Variation
from explorer.records.program_samplers import PRESETS
from explorer.records.replay_settings import taken_over
from explorer.records.samplers import offered

MODEL = ModelRef("world", "f" * 64, "sd1")


def _recipe(**named):
    return Recipe(MODEL, "a fox", 3, 20, 7.5, "euler", 64, 64, **named)


def _bits(entries):
    return {e.source: e.bits for e in entries}


def test_ten_rounds_of_best_of_sixteen_are_forty_bits_and_not_seven():
    assert rounds_bits([16] * 10, allowed=10) == pytest.approx(40 + math.log2(10))
    assert rounds_bits([16], allowed=1) == 4
    assert "10 allowed" in rounds_entry([16] * 3, allowed=10).code
    with pytest.raises(ValueError, match="allowed"):
        rounds_bits([2, 2], allowed=1)


def test_a_raced_choice_costs_its_starters():
    assert [choice_bits(n) for n in (1, 16, 1000)] == pytest.approx([0, 4, math.log2(1000)])
    with pytest.raises(ValueError):
        choice_bits(0)


def test_seeds_listed_continued_and_given_by_hand():
    assert seeds_entry(ReplaySettings("x", seeds=16)).bits == 4
    assert seeds_entry(ReplaySettings("x", first_seed=16, seeds=16), seeds_before=16).bits == 5
    assert seeds_entry(ReplaySettings("x", first_seed=1234567, seeds=1)).bits == 32
    assert seeds_entry(ReplaySettings("x", first_seed=1234567, seeds=2)).bits == 32
    assert seeds_entry(ReplaySettings("x", first_seed=2 ** 40, seeds=1)).bits == 64
    assert "by hand" in seeds_entry(ReplaySettings("x", first_seed=9, seeds=1)).code


def test_settings_cost_their_list_or_their_grid():
    assert settings_entry(ReplaySettings("x")).bits == 0
    assert settings_entry(ReplaySettings("x", guidances=(7.5, 30.0))).bits == 1
    assert settings_entry(ReplaySettings("x", guidances=(7.3,))).bits == pytest.approx(math.log2(301))
    assert settings_entry(ReplaySettings("x", schedulers=("euler", "ddim"))).bits == 1


def test_a_sampler_by_hand_is_one_of_as_many_as_are_offered():
    entry = settings_entry(ReplaySettings("x", schedulers=("ddim",)))
    assert entry.bits == math.log2(len(offered(flow=False)))
    assert entry.code == f"scheduler by hand: {len(offered(flow=False))} samplers."


def test_what_a_recipe_taken_over_sets_besides_is_charged():
    plain = _recipe()
    odd = dataclasses.replace(plain, clip_skip=2, noise_source="a1111-nv-philox", variation=Variation(7, 0.25))
    less, more = (settings_entry(taken_over(r), r) for r in (plain, odd))
    assert more.bits > less.bits + 32 and "set in the recipe" not in less.code
    assert "clip skip, noise source, variation as set in the recipe, by letters" in more.code


@pytest.mark.parametrize("part", [{"variation": Variation(7, 0.25)}, {"eta": 0.5}, {"clip_skip": 2},
                                  {"noise_source": "cuda-philox"}, {"scheduler_config": {"rho": 5.0}},
                                  {"dialect": "a1111"}])
def test_no_knob_of_a_recipe_is_free(part):
    """However the search was written down: a plain plan hides nothing that its recipe holds."""
    settings = ReplaySettings("a fox", seeds=16)
    plain, turned = (total_bits(search_ledger(settings, prompt_bits=30, prompt_code="c", recipe=r))
                     for r in (_recipe(), _recipe(**part)))
    assert turned > plain + 10


def test_what_the_model_fills_in_of_a_sampler_was_supplied_by_nobody():
    """A replay's recipe holds the sampler's whole table; only what was asked for of it costs."""
    model = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_schedule": "scaled_linear"}
    made, settings = _recipe(scheduler_config=model), ReplaySettings("a fox", seeds=16)
    assert settings_entry(settings, made).bits == settings_entry(settings, _recipe()).bits
    asked = taken_over(_recipe(scheduler_config={"rho": 5.0}))
    turned = settings_entry(asked, _recipe(scheduler_config={**model, "rho": 5.0})).bits
    assert turned == settings_entry(asked, asked.recipes[0]).bits > settings_entry(asked).bits + 10
    assert settings_entry(taken_over(made), made).bits > turned + 100  # a whole table that came with a file


def test_a_programs_way_is_paid_for_by_its_place_in_the_list():
    name, way = next(iter(PRESETS.items()))
    listed = _recipe(scheduler_config=way.config, noise_source=way.noise_source)
    listed = dataclasses.replace(listed, scheduler=way.key)
    settings = ReplaySettings("a fox", schedulers=("euler", name))
    assert settings_entry(settings, listed).bits == 1
    filled = dataclasses.replace(listed, scheduler_config={"num_train_timesteps": 1000, **way.config})
    assert settings_entry(settings, filled).bits == 1
    assert settings_entry(settings, dataclasses.replace(listed, noise_source="torch-cpu",
                                                        scheduler_config={"rho": 3.0})).bits > 20


def test_an_adapter_is_part_of_the_model_and_its_weight_is_charged():
    lora = dataclasses.replace(MODEL, adapters=(Adapter("fox.safetensors", "a" * 64, "lora", 0.8),))
    ledger = search_ledger(ReplaySettings("a fox"), prompt_bits=30, prompt_code="c",
                           recipe=dataclasses.replace(_recipe(), model=lora))
    (entry,) = [e for e in ledger if e.source == "adapters"]
    assert entry.bits == pytest.approx(math.log2(201)) and "fox.safetensors" in entry.code


def test_a_prompt_is_charged_its_code():
    assert prompt_bits([0, 1], {0: 0.5, 1: 0.25, 9: 0.25}, end=9) == 1 + 2 + 2
    with pytest.raises(KeyError):
        prompt_bits([7], {0: 0.5, 9: 0.5}, end=9)
    with pytest.raises(ValueError, match="more than 1"):
        prompt_bits([0], {0: 0.9, 9: 0.9}, end=9)
    assert text_bits("") == 0
    assert 4 < text_bits("a red fox in the snow") / 21 < 5.5
    assert text_bits("狐") > 24


def test_img2img_without_a_charge_for_its_image_is_refused():
    settings = ReplaySettings("a fox", seeds=16, strengths=(0.2, 0.5, 0.8))
    noise = search_ledger(settings, prompt_bits=30, prompt_code="a code", recipe=_recipe())
    assert total_bits(noise) == 30 + 4 + 2 and supplied_by_you(noise) == 0
    image = _recipe(start_sha256="a" * 64, strength=0.2)
    with pytest.raises(ValueError, match="starting image"):
        search_ledger(settings, prompt_bits=30, prompt_code="a code", recipe=image)
    start = start_code.bound_entry(_picture())
    ledger = search_ledger(settings, prompt_bits=30, prompt_code="a code", recipe=image, start=start)
    assert _bits(ledger)["seeds"] == 0
    assert supplied_by_you(ledger) > 0.95
    with pytest.raises(ValueError, match="noise"):
        search_ledger(settings, prompt_bits=1, prompt_code="c", recipe=_recipe(noise_blob="b" * 64))
    given = search_ledger(settings, prompt_bits=1, prompt_code="c",
                          recipe=_recipe(noise_blob="b" * 64), noise=LedgerEntry("noise", 500.0, "measured"))
    assert _bits(given)["noise"] == 500


def _picture(size=64):
    y, x = np.mgrid[0:size, 0:size]
    rgb = np.stack([x * 3, y * 3, (x * y) % 251], axis=-1).astype(np.uint8)
    rgb[10:30, 10:30] = (250, 30, 30)
    return rgb


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 1, 1), (3, 5, 2), (4, 32, 32)])
@pytest.mark.parametrize("step", [8.0, 0.5, 0.01])
def test_the_latent_code_decodes_to_the_same_levels(shape, step):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    levels = latent_code.quantise(values, step)
    data = latent_code.encode(levels, step)
    assert np.array_equal(latent_code.decode(data), levels.astype(np.float32) * np.float32(step))
    assert abs(8 * len(data) - latent_code.code_bits(levels)) < 24
    assert np.abs(latent_code.decode(data) - values).max() <= step / 2 + 1e-5


def test_the_code_is_near_the_entropy_and_smaller_for_smooth_latents():
    draw = np.random.default_rng(1)
    rough = latent_code.quantise(draw.normal(size=(4, 32, 32)).astype(np.float32), 1.0)
    shares = np.unique(rough, return_counts=True)[1] / rough.size
    entropy = -(shares * np.log2(shares)).sum() * rough.size
    assert latent_code.code_bits(rough) < 1.1 * entropy + 100
    patches = np.kron(draw.normal(size=(4, 4, 4)), np.ones((1, 8, 8)))
    assert latent_code.code_bits(latent_code.quantise(patches, 1.0)) < 0.7 * latent_code.code_bits(rough)


def test_the_shortest_code_is_the_coarsest_that_does_the_same_job():
    latents = np.random.default_rng(2).normal(size=(4, 8, 8)).astype(np.float32)

    def replay(given):  # a stand-in for a recipe: closeness is the distance of what enters it
        return float(np.sqrt(np.mean((given - latents) ** 2)))

    def found(target):
        return start_code.shortest_latents(latents, replay, score="tiled_l2", target=target)

    code, finer = found(0.1), found(0.01)
    assert code.closeness <= 0.1 and code.bits == 8 * len(code.data)
    assert np.sqrt(np.mean((latent_code.decode(code.data) - latents) ** 2)) == pytest.approx(code.closeness)
    assert finer.bits > code.bits > 0
    coarser = latent_code.quantise(latents, start_code.STEPS[code.replays - 2])
    assert np.sqrt(np.mean((coarser * np.float32(start_code.STEPS[code.replays - 2]) - latents) ** 2)) > 0.1
    assert found(-1.0) is None


def test_estimates_are_estimates():
    latents = np.random.default_rng(3).normal(size=(4, 8, 8))
    assert start_code.gaussian_estimate(latents, signal=1.0, noise=1.0) == pytest.approx(128, rel=0.15)
    assert start_code.gaussian_estimate(latents, signal=0.1, noise=1.0) < 4
    mean, error = start_code.diffc_estimate([[math.log(2), math.log(4)]] * 8)
    assert (mean, error) == (pytest.approx(3.0), 0.0)
    with pytest.raises(ValueError, match="8 noises"):
        start_code.diffc_estimate([[1.0]] * 7)


def test_codecs_come_closer_with_more_bits():
    points = codec_curve(_picture(), qualities=(5, 50, 95))
    for codec in ("WebP", "JPEG", "AVIF", "thumbnail"):
        mine = [p for p in points if p.codec == codec]
        assert len(mine) == (len(SIDES) if codec == "thumbnail" else 3)
        assert mine[0].bits < mine[-1].bits and mine[0].closeness > mine[-1].closeness


def test_no_bits_are_charged_for_what_every_file_has():
    """A blank page is no 2,456 bits of JPEG: prompt and seed stand beside what depends on the page."""
    blank = np.full((64, 64, 3), 255, np.uint8)
    points = codec_curve(blank, qualities=(1, 50))
    for codec in ("JPEG", "WebP", "AVIF", "thumbnail"):
        assert min(p.bits for p in points if p.codec == codec) < 600, codec
    four = next(p for p in codec_curve(_picture()) if p.codec == "thumbnail" and p.quality == 4)
    assert four.bits == 192 + math.log2(len(SIDES)) and four.closeness < 0.45
